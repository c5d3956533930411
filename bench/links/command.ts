/** `make bench-links`. */
import { Command } from 'commander';
import { median } from '../../loadtest/support/median.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { whole } from '../../src/cli/flags.ts';
import { count, significant } from '../../src/format.ts';
import { type Child, startChild } from '../support/child.ts';
import { machineSentence } from '../support/machine.ts';
import { endProgress, progress } from '../support/progress.ts';
import { cpuOf } from '../support/redis-cpu.ts';
import { type Cells, record, type Section, show } from '../support/report.ts';
import { type Line, lineThrough } from './line.ts';
import type { ReplicasJob, Written } from './replicas.ts';

const PROCESS = new URL('replicas.ts', import.meta.url);
/** 0 is one replica without a link. */
const LINKS = [0, 1, 2, 5, 10];
const COMPUTED = [30, 100, 300];
const RATES = [200, 1000, 4000];

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly record: boolean;
}

/** CPU time of Redis with a number of links, in microseconds. */
export interface Costs {
  readonly links: number;
  /** Of each second without writes: heartbeats. */
  readonly idle: number;
  /** Of each write in addition, for each of `RATES`. */
  readonly writes: readonly number[];
}

export const links = new Command('links')
  .description('Measures what the links of replicas cost Redis, without writes and for each write.')
  .option('--rounds <n>', 'rounds; their medians count', whole(1), 3)
  .option('--seconds <n>', 'how long each rate is measured', whole(1), 4)
  .option('--record', 'write the tables to docs/scale.md', false)
  .action(run);

async function run({ rounds, seconds, record: isRecorded }: Options): Promise<void> {
  const started = Date.now();
  const measured: Costs[][] = LINKS.map(() => []);
  for (let round = 1; round <= rounds; round++)
    for (const [i, number] of LINKS.entries()) {
      progress(`round ${round} of ${rounds}: ${number} links`);
      measured[i]!.push(await costsOf(number, seconds));
    }
  endProgress();
  const costs = measured.map(medianOf);
  const sections: Section[] = [
    { text: machineSentence(started, `${rounds} rounds of ${seconds} s for each rate, medians`) },
    { title: 'Measured', text: 'CPU time of Redis in microseconds:', table: measuredTable(costs) },
    {
      title: 'Computed',
      text: 'Share of the core of Redis. A line through the measured figures, continued; nothing here was run:',
      table: computedTable(costs),
    },
  ];
  show(sections);
  if (isRecorded) record('scale.md', 'links', sections);
}

async function costsOf(number: number, seconds: number): Promise<Costs> {
  const redis = await startRedis();
  let replicas: Child<unknown> | undefined;
  try {
    replicas = await startChild(PROCESS);
    const start = { port: redis.port, count: Math.max(1, number), linked: number > 0 };
    await replicas.ask({ start } satisfies ReplicasJob);
    await write(replicas, { count: 2000, perSecond: 2000 });
    const idle = await cpuDuring(redis, () => new Promise((resolve) => setTimeout(resolve, seconds * 1000)));
    const perSecond = idle.cpu / idle.seconds;
    const writes: number[] = [];
    for (const rate of RATES) {
      const all = rate * seconds;
      const used = await cpuDuring(redis, () => write(replicas!, { count: all, perSecond: rate }));
      writes.push((used.cpu - perSecond * used.seconds) / all);
    }
    return { links: number, idle: perSecond, writes };
  } finally {
    await replicas?.stop();
    await redis.stop();
  }
}

async function write(replicas: Child<unknown>, job: NonNullable<ReplicasJob['write']>): Promise<void> {
  const { confirmed } = await replicas.ask<Written>({ write: job } satisfies ReplicasJob);
  if (confirmed !== job.count) throw new Error(`Redis confirmed ${confirmed} of ${job.count} writes`);
}

/** Microseconds of CPU time that Redis used meanwhile, in the kernel too. */
async function cpuDuring(redis: RedisServer, act: () => Promise<unknown>) {
  const began = performance.now();
  const before = await cpuOf(redis);
  await act();
  return { cpu: (await cpuOf(redis)) - before, seconds: (performance.now() - began) / 1000 };
}

function medianOf(rounds: readonly Costs[]): Costs {
  return {
    links: rounds[0]!.links,
    idle: median(rounds.map(({ idle }) => idle)),
    writes: RATES.map((_, i) => median(rounds.map(({ writes }) => writes[i]!))),
  };
}

function measuredTable(costs: readonly Costs[]): Cells {
  return {
    head: ['links', 'a second without writes', ...RATES.map((rate) => `a write, ${count(rate)}/s`)],
    lines: costs.map(({ links, idle, writes }) => [
      links === 0 ? 'none' : count(links),
      significant(idle),
      ...writes.map(significant),
    ]),
  };
}

function computedTable(costs: readonly Costs[]): Cells {
  const linked = costs.filter(({ links }) => links > 0);
  const line = (of: (costs: Costs) => number) => lineThrough(linked.map((each) => [each.links, of(each)]));
  const idle = line(({ idle }) => idle);
  const writes = RATES.map((_, i) => line((each) => each.writes[i]!));
  return {
    head: ['links', 'without writes', ...RATES.map((rate) => `${count(rate)} writes/s`)],
    lines: COMPUTED.map((number) => [
      count(number),
      shareOf(at(idle, number)),
      ...RATES.map((rate, i) => shareOf(at(idle, number) + rate * at(writes[i]!, number))),
    ]),
  };
}

function at({ start, slope }: Line, x: number): number {
  return start + slope * x;
}

/** Microseconds of each second as a percentage. */
function shareOf(microseconds: number): string {
  return `${significant(microseconds / 10_000)} %`;
}
