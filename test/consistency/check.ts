/** Runs replicas on one Redis with readers, writers, subscribers and a fault, and returns the violations. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../../loadtest/support/random.ts';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { MANY_PROCESSES, type Service, startService } from '../../loadtest/target/service.ts';
import { CpuWaits } from '../support/cpu-waits.ts';
import { Calculations } from './calculations.ts';
import { type Fault, isClientFault } from './faults.ts';
import { ForeignWriter, truthOf } from './foreign-writer.ts';
import { type Findings, History, type Read } from './history.ts';
import { type ActorDeps, readAll, readOne, seedOf, withClient, writeAll } from './http-actors.ts';
import { ALL_KEYS, unversioned } from './keys.ts';
import { isNear, type NearReading } from './near-reader.ts';
import { openNearCaches } from './near-stage.ts';
import { Subscriber } from './subscriber.ts';
import { type Connection, openCluster, openSentinels, openServer } from './target.ts';

/** The promised bound of staleness, HEARTBEAT_TIMEOUT_MS. */
export const BOUND_MS = 1000;
/** The time that timers and messages add. Time during which the processes wait for a CPU does not count. */
const ALLOWANCE_MS = 500;
/** Without a fault, only the transit time of messages delays a write. */
const CALM_BOUND_MS = 250;

export const TOPOLOGIES = ['single', 'sentinel', 'cluster'] as const;
export type Topology = (typeof TOPOLOGIES)[number];

export interface RunOptions {
  readonly seconds: number;
  readonly replicas: number;
  readonly fault: Fault;
  readonly seed: number;
  /** By default one server. */
  readonly topology?: Topology;
  /** Processes of each replica; 1 by default. */
  readonly processes?: number;
  /** Readers of each replica; by default two, and none for a fault between replicas and near caches. */
  readonly readers?: number;
  /** Whether near caches read too: true by default. Their reads also tell subscribers what these have missed. */
  readonly nearCaches?: boolean;
  /** Whether near caches of the Python client read too: false by default. */
  readonly python?: boolean;
  /** A defect of the Python client. */
  readonly pythonDefect?: string | undefined;
  /** Only near caches read: subscribers and other readers tell near caches what these have missed. */
  readonly nearCachesOnly?: boolean;
  /** The average pause of a writer between two writes, in ms. The longest pause is twice as long. */
  readonly restMs?: number;
  /** A run with fewer reads or changes continues until it has them, at most for `PATIENCE_MS`. */
  readonly enough?: {
    readonly reads: number;
    readonly changes: number;
    readonly lesser: number;
    readonly nearHits: number;
  };
}

const PATIENCE_MS = 120_000;

export interface Report extends Findings {
  /** The number of rounds of the fault. */
  readonly events: number;
  readonly reads: number;
  /** Reads whose answers show that L2 was not used, or that the change is pending. */
  readonly marked: number;
  /** Reads whose answers show a lesser state than coherent. */
  readonly lesser: number;
  /** Requested changes. */
  readonly writes: number;
  /** Acknowledged changes. */
  readonly acknowledged: number;
  /** Reads that returned a calculation, which depends on a key that changes. */
  readonly calculations: number;
  readonly pushes: number;
  readonly resets: number;
  /** Reads that near caches answered from memory. */
  readonly nearHits: number;
  /** Connections that near caches lost. */
  readonly nearLosses: number;
}

const ENV = {
  HEARTBEAT_TIMEOUT_MS: String(BOUND_MS),
  // Long enough for a busy machine, and short compared with the bound.
  REDIS_COMMAND_TIMEOUT_MS: '300',
  // So long that an entry in L1 never becomes correct only because it expires.
  LOCAL_CACHE_TTL: '3600',
  LOCAL_CACHE_MAX_SIZE: '10000',
};

const NEEDS_PROXY: readonly Fault[] = ['half-open', 'slow'];
const ENV_OF: Partial<Record<Fault, Record<string, string>>> = {
  // In a run without a fault, a busy machine must not cause a time-out.
  none: { REDIS_COMMAND_TIMEOUT_MS: '30000', HEARTBEAT_TIMEOUT_MS: '30000' },
  slow: { REDIS_COMMAND_TIMEOUT_MS: '40' },
};
/** Clients that write through each replica. */
const WRITERS = 2;

export async function runCheck(options: RunOptions): Promise<Report> {
  const cleanup: (() => unknown)[] = [];
  try {
    return await run(options, cleanup);
  } finally {
    for (const each of cleanup.reverse()) await each();
  }
}

async function run(options: RunOptions, cleanup: (() => unknown)[]): Promise<Report> {
  const { seconds, fault, seed, restMs = 3, enough } = options;
  const { nearCaches = true, nearCachesOnly = false, python = false, processes = 1 } = options;
  MANY_PROCESSES.count = processes;
  const { readers = isClientFault(fault) || nearCachesOnly ? 0 : 2 } = options;
  const dice = seeded(seed);
  const places = Array.from({ length: options.replicas }, (_, replica) => replica);
  const open = {
    single: () => openServer(options.replicas, NEEDS_PROXY.includes(fault), cleanup),
    sentinel: () => openSentinels(cleanup),
    cluster: () => openCluster(cleanup),
  };
  const target = await open[options.topology ?? 'single']();
  const { connection } = target;
  const envOf = (at: number) => ({ ...PATIENT, ...ENV, ...ENV_OF[fault], ...target.env(at) });
  const services = await Promise.all(places.map((at) => startService({ env: envOf(at) })));
  for (const service of services) cleanup.push(() => service.stop('SIGKILL'));
  await Promise.all(services.map(reachesRedis));
  const subscribers = (nearCachesOnly ? [] : services).map(
    (service, replica) => new Subscriber(service, replica),
  );
  for (const subscriber of subscribers) {
    cleanup.push(() => subscriber.stop());
    await subscriber.start();
  }

  const clients = { typescript: nearCaches, python, defect: options.pythonDefect };
  const near = await openNearCaches(services, clients, fault, envOf(0), cleanup);
  const { readers: nearReaders } = near;

  const waits = new CpuWaits(() => [
    ...target.pids(),
    ...near.pids(),
    ...services.flatMap(({ pids }) => pids()),
  ]);
  // The near caches are in this process, or in processes of Python.
  const ownWaits = new CpuWaits(() => [process.pid, ...near.readerPids()]);
  cleanup.push(() => ownWaits.stop());
  cleanup.push(() => waits.stop());
  const history = new History(unversioned);
  let stopped = false;
  const actor = (): ActorDeps => ({ history, random: seeded(seedOf(dice)), stopped: () => stopped });
  const foreign = new ForeignWriter(connection, actor());
  // The links of several masters are not ordered, and a lost link shows nothing.
  const isOrdered = options.topology !== 'cluster' && ['none', 'data-killed', 'slow'].includes(fault);
  const calculations = new Calculations(isOrdered);
  const actors = [
    foreign.run(restMs),
    ...services.flatMap((service, replica) => [
      ...Array.from({ length: WRITERS }, () => writeAll(service, replica, actor(), restMs)),
      ...Array.from({ length: readers }, () => readAll(service, replica, actor())),
    ]),
    ...nearReaders.map((reader) => reader.run(actor())),
    ...services.map((service, replica) => calculations.run(service, replica, actor())),
  ];
  const parts = { history, random: actor().random, write: (key: string) => foreign.set(key) };
  const faults = isClientFault(fault)
    ? near.afflict(parts.random, () => stopped)
    : target.afflict(fault, parts, () => stopped);
  await sleep(seconds * 1000);
  if (enough !== undefined)
    await until(
      () =>
        history.reads.length >= enough.reads &&
        acknowledged(history) >= enough.changes &&
        (nearCachesOnly || sum(subscribers.map(({ pushes }) => pushes)) >= enough.changes) &&
        lesser(history) >= enough.lesser &&
        sum(nearReaders.map(({ hits }) => hits)) >= enough.nearHits,
      { timeoutMs: PATIENCE_MS, everyMs: 100 },
    ).catch(() => undefined);
  stopped = true;
  const [events] = await Promise.all([faults, ...actors]);

  const heldUp = (from: number, to: number, read: Read) => {
    if (!isNear(read)) return waits.within(from, to);
    // While nothing arrives, only this process decides how long it serves an entry.
    return ownWaits.within(from, to) + (isClientFault(fault) ? 0 : waits.within(from, to));
  };
  const boundMs = fault === 'none' ? CALM_BOUND_MS : BOUND_MS + ALLOWANCE_MS;
  const findings = history.check(boundMs, heldUp);
  findings.violations.push(...calculations.violations(history, boundMs, heldUp));
  findings.violations.push(...(await calculations.checkEnd(history, services)));
  findings.violations.push(...(await checkEnd(connection, services, subscribers, nearReaders)));
  for (const { violations } of [...subscribers, ...nearReaders]) findings.violations.push(...violations);
  // The bound in milliseconds says little on a busy machine; that the replica noticed can be seen on any.
  if (fault === 'half-open' && events > 0 && lesser(history) === 0)
    findings.violations.push('no answer named a lesser state while the link was half open');
  const { reads, ops } = history;
  return {
    ...findings,
    events,
    reads: reads.length,
    marked: reads.filter((read) => read.marked).length,
    lesser: lesser(history),
    writes: ops.length,
    acknowledged: acknowledged(history),
    calculations: calculations.served,
    pushes: sum(subscribers.map(({ pushes }) => pushes)),
    resets: sum(subscribers.map(({ resets }) => resets)),
    nearHits: sum(nearReaders.map(({ hits }) => hits)),
    nearLosses: sum(nearReaders.map(({ losses }) => losses)),
  };
}

function lesser({ reads }: History): number {
  return reads.filter(({ coherence }) => coherence !== '').length;
}

function acknowledged({ ops }: History): number {
  return ops.filter(({ end }) => end < Number.POSITIVE_INFINITY).length;
}

/** At the end of a run, every replica, every subscriber and every near cache has exactly the data of Redis. */
async function checkEnd(
  connection: Connection,
  services: readonly Service[],
  subscribers: readonly Subscriber[],
  nearReaders: readonly NearReading[],
): Promise<string[]> {
  await Promise.all(services.map(reachesRedis));
  await Promise.all(nearReaders.map((reader) => reader.trusts()));
  const differences = async () => {
    // Read again each time, because pending writes still change Redis.
    const truth = await truthOf(connection, ALL_KEYS);
    const found: string[] = [];
    const compare = (where: string, key: string, version: string | undefined) => {
      const expected = truth.get(key)?.version;
      if (version !== expected) found.push(`at the end ${where} has ${key} ${version}, Redis ${expected}`);
    };
    for (const { replica, held } of subscribers)
      for (const key of ALL_KEYS) compare(`a subscriber of replica ${replica}`, key, held.get(key)?.version);
    for (const reader of nearReaders)
      for (const key of ALL_KEYS) compare(reader.name, key, await reader.versionOf(key));
    for (const [replica, service] of services.entries())
      await withClient(service, async (client) => {
        for (const key of ALL_KEYS)
          compare(`replica ${replica}`, key, (await readOne(client, replica, key))[0]?.version);
      });
    return found;
  };
  // The last pushes may still be in transit, and a client may have requested a snapshot again.
  return until(async () => (await differences().catch(() => ['unread'])).length === 0, { everyMs: 50 }).then(
    () => [],
    differences,
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
