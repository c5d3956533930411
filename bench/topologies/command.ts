/** `make bench-topologies`. */
import { Command } from 'commander';
import { median } from '../../loadtest/support/median.ts';
import { startCluster } from '../../loadtest/target/cluster.ts';
import { cpuSecondsOf } from '../../loadtest/target/proc.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { whole } from '../../src/cli/flags.ts';
import { significant } from '../../src/format.ts';
import { machineSentence } from '../support/machine.ts';
import { endProgress, progress } from '../support/progress.ts';
import { cpuOf } from '../support/redis-cpu.ts';
import { record, type Section, show } from '../support/report.ts';
import { KINDS, type Kind, send } from './kinds.ts';

/** Every read and write reaches Redis. */
const ENV = { ...PATIENT, ENABLE_LOCAL_CACHE: 'false' };

interface Options {
  readonly rounds: number;
  readonly batches: number;
  readonly record: boolean;
}

interface Side {
  readonly name: string;
  readonly servers: readonly { cli(...args: string[]): Promise<string> }[];
  readonly env: Record<string, string>;
}

/** Of one key, except for the latency. */
interface Figures {
  readonly serviceUs: number;
  readonly redisUs: number;
  /** Of a request, as its client sees it. */
  readonly p99Ms: number;
}

export const topologies = new Command('topologies')
  .description('Measures reads and writes that reach Redis: a Cluster of three masters next to one server.')
  .option('--rounds <n>', 'rounds, in turn; their medians count', whole(1), 5)
  .option(
    '--batches <n>',
    'requests with 100 keys in a round, and five times as many with one key',
    whole(1),
    1000,
  )
  .option('--record', 'write the table to docs/deployment/cluster.md', false)
  .action(run);

async function run({ rounds, batches, record: isRecorded }: Options): Promise<void> {
  const started = Date.now();
  const single = await startRedis();
  const cluster = await startCluster({ replicasEach: 0 });
  const sides: Side[] = [
    { name: 'one server', servers: [single], env: redisEnv(single) },
    {
      name: 'three masters',
      servers: cluster.servers,
      env: { REDIS_CLUSTER_NODES: cluster.addresses, REDIS_PASSWORD: '' },
    },
  ];
  try {
    const figures = await measure(sides, rounds, batches);
    endProgress();
    const lines = KINDS.flatMap((kind, k) =>
      sides.map(({ name }, s) => {
        const of = (pick: (each: Figures) => number) => significant(median(figures[s]![k]!.map(pick)));
        return [
          `${kind.name}, ${name}`,
          of(({ serviceUs }) => serviceUs),
          of(({ redisUs }) => redisUs),
          of(({ p99Ms }) => p99Ms),
        ];
      }),
    );
    const head = ['', 'service, µs a key', 'Redis, µs a key', 'p99 of a request, ms'];
    const sections: Section[] = [
      { text: machineSentence(started, `medians of ${rounds} rounds`), table: { head, lines } },
    ];
    show(sections);
    if (isRecorded) record('deployment/cluster.md', 'topologies', sections);
  } finally {
    await Promise.all([single.stop(), cluster.stop()]);
  }
}

/** Returns the figures of each round, by side and kind. */
async function measure(sides: readonly Side[], rounds: number, batches: number): Promise<Figures[][][]> {
  const services = await Promise.all(sides.map(({ env }) => open(env)));
  const figures: Figures[][][] = sides.map(() => KINDS.map(() => []));
  try {
    for (const service of services) for (const kind of KINDS) await send(service, kind, 200);
    for (let round = 1; round <= rounds; round++)
      for (const [k, kind] of KINDS.entries())
        for (const [s, side] of sides.entries()) {
          progress(`round ${round} of ${rounds}: ${kind.name}, ${side.name}`);
          figures[s]![k]!.push(await once(services[s]!, side, kind, batches));
        }
    return figures;
  } finally {
    await Promise.all(services.map((service) => service.stop('SIGKILL')));
  }
}

async function once(service: Service, { servers }: Side, kind: Kind, batches: number): Promise<Figures> {
  const used = async () => ({
    service: cpuSecondsOf(service.pid)! * 1e6,
    redis: (await Promise.all(servers.map(cpuOf))).reduce((sum, each) => sum + each, 0),
  });
  const requests = kind.keys === 1 ? batches * 5 : batches;
  const before = await used();
  const latencies = await send(service, kind, requests);
  const after = await used();
  const keys = requests * kind.keys;
  latencies.sort((a, b) => a - b);
  return {
    serviceUs: (after.service - before.service) / keys,
    redisUs: (after.redis - before.redis) / keys,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
  };
}

async function open(env: Record<string, string>): Promise<Service> {
  const service = await startService({ env: { ...ENV, ...env } });
  await reachesRedis(service);
  return service;
}
