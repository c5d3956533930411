/** A long mixed load with random faults: checks that no resource grows and that every promise holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { below, pick, seeded } from '../../loadtest/support/random.ts';
import { MANY_PROCESSES } from '../../loadtest/target/service.ts';
import { CpuWaits } from '../support/cpu-waits.ts';
import { fill, lostOf, metric, recovery } from './checks.ts';
import { Contended, writeContended } from './contended.ts';
import { FAULTS } from './faults.ts';
import { type HeldUp, Lag } from './lag.ts';
import { Ledger } from './ledger.ts';
import { startLoad } from './load.ts';
import { COUNTERS, failed, RATES } from './measure.ts';
import { openStage, type ServerStage } from './stage.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly boundMs: number;
  readonly slowestMs: number;
}

export interface SoakReport {
  readonly faults: readonly string[];
  readonly requests: number;
  readonly slowestMs: number;
  readonly lagMs: number;
  /** For each replica: the smallest heap in the first and in the last quarter, in MiB. */
  readonly heap: readonly (readonly [first: number, last: number])[];
  /** For each replica: the number of open descriptors before and after the load. */
  readonly handles: readonly (readonly [before: number, after: number])[];
  readonly violations: readonly string[];
}

const SAMPLE_MS = 500;
/** A shorter run does not judge the heap, because the floor shows only after some collections. */
const HEAP_SECONDS = 60;
/** The allowed growth of a process by entries, histograms and the normal variation of the heap. */
const HEAP_GROWTH_MIB = 12;
/** The allowed growth of a process. */
const HANDLE_GROWTH = 3;
// Redis keeps its data and its password during the whole run.
const STRIKING = FAULTS.filter(({ losesData, withoutPassword }) => !losesData && !withoutPassword);

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const stage = await openStage({ password: true });
  const lag = new Lag();
  const waits = new CpuWaits(stage.pids);
  try {
    return await run(stage, lag, (from, to) => lag.within(from, to) + waits.within(from, to), options);
  } finally {
    lag.stop();
    waits.stop();
    await stage.close();
  }
}

async function run(
  stage: ServerStage,
  lag: Lag,
  heldUp: HeldUp,
  { seconds, seed, boundMs, slowestMs }: SoakOptions,
): Promise<SoakReport> {
  const { replicas } = stage;
  const random = seeded(seed);
  await fill(replicas[1]!);
  const before = await Promise.all(replicas.map((replica) => metric(replica, 'process_open_fds')));
  const ledger = new Ledger(COUNTERS);
  const contended = new Contended();
  const load = await startLoad(stage, { rates: RATES, ledger, contended, heldUp, random: seeded(seed + 1) });
  const stopWriting = writeContended(stage.connection, contended, seeded(seed + 2));
  const heaps = replicas.map((): number[] => []);
  const sampling = setInterval(() => {
    replicas.forEach((replica, i) => {
      metric(replica, 'nodejs_heap_size_used_bytes').then(
        (bytes) => heaps[i]!.push(bytes / 2 ** 20),
        () => {},
      );
    });
  }, SAMPLE_MS);

  const began = performance.now();
  const faults: string[] = [];
  const violations: string[] = [];
  let recoveredAt = began;
  while (performance.now() - began < seconds * 1000) {
    const fault = pick(STRIKING, random);
    faults.push(fault.name);
    ledger.resting = undefined;
    await fault.begin(stage);
    await sleep(fault.holdMs * (0.3 + 0.7 * random()));
    ledger.resting = faults.length % 2 === 0 ? 0 : 1;
    await fault.end(stage);
    recoveredAt = await recovery(replicas);
    if (recoveredAt === Number.POSITIVE_INFINITY) {
      violations.push(`no recovery from ${fault.name}`);
      break;
    }
    await sleep(300 + below(700, random));
  }
  clearInterval(sampling);
  await load.stop();
  await stopWriting();
  // On a busy machine the last writes may be pending again.
  await recovery(replicas);

  const bad = load.samples.filter(failed);
  if (bad.length > 0) violations.push(`${bad.length} requests failed, the first with ${bad[0]!.status}`);
  const reads = load.samples.filter(({ kind }) => kind !== 'write');
  const slowest = reads.reduce((max, { ownMs }) => Math.max(max, ownMs), 0);
  const lagMs = lag.longest(began);
  if (slowest > slowestMs) violations.push(`a read took ${slowest.toFixed(0)} ms`);
  violations.push(
    ...(await lostOf(stage, ledger)).slice(0, 5),
    ...ledger.stale(boundMs, recoveredAt, heldUp).slice(0, 5),
    ...(await contended.lost(stage.connection)).slice(0, 5),
    ...contended.stale(boundMs, heldUp).slice(0, 5),
  );

  const heap = heaps.map((sizes) => [floorOf(sizes, 0, 0.25), floorOf(sizes, 0.75, 1)] as const);
  for (const [first, last] of heap)
    if (seconds >= HEAP_SECONDS && last > first + HEAP_GROWTH_MIB * MANY_PROCESSES.count)
      violations.push(`the heap grew from ${first.toFixed(1)} to ${last.toFixed(1)}`);
  const after = await Promise.all(replicas.map((replica) => metric(replica, 'process_open_fds')));
  const handles = before.map((count, i) => [count, after[i]!] as const);
  for (const [first, last] of handles)
    if (last > first + HANDLE_GROWTH * MANY_PROCESSES.count)
      violations.push(`open handles grew from ${first} to ${last}`);
  return { faults, requests: load.samples.length, slowestMs: slowest, lagMs, heap, handles, violations };
}

/** The minimum of a part of the samples: memory that the garbage collector cannot free. */
function floorOf(sizes: readonly number[], from: number, to: number): number {
  return Math.min(...sizes.slice(Math.floor(sizes.length * from), Math.ceil(sizes.length * to)));
}
