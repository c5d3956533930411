/** `make bench-clients`. */
import { Command } from 'commander';
import { GENERATOR_CORE, pin } from '../../loadtest/support/pin.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { numeric, whole } from '../../src/cli/flags.ts';
import type { Running } from '../compare/contender.ts';
import { type Effort, runRows } from '../compare/run-rows.ts';
import { onStage } from '../compare/stage.ts';
import { ratecacheOf } from '../peers/ratecache.ts';
import { machineSentence } from '../support/machine.ts';
import { need } from '../support/need.ts';
import { record, type Section, show } from '../support/report.ts';
import { ITEMS, RATES } from './rates.ts';
import { type Language, languages } from './rows.ts';
import { languageSection } from './table.ts';
import type { Ports } from './ways.ts';

const QUICK: Effort = { rounds: 2, seconds: 0.5 };

interface Options extends Effort {
  readonly quick: boolean;
  readonly record: boolean;
}

export const clients = new Command('clients')
  .description(
    'Measures what one read costs a program, in each way to read: near cache, WebSocket, HTTP, Redis.',
  )
  .option('--rounds <n>', 'runs of each way, in turn with the others', whole(1), 5)
  .option('--seconds <n>', 'length of a run', numeric(0.1), 2)
  .option('--quick', 'two rounds of half a second: shows that it works, not how fast', false)
  .option('--record', 'write the tables to docs/performance/clients.md', false)
  .action(run);

async function run({ rounds, seconds, quick, record: isRecorded }: Options): Promise<void> {
  const started = Date.now();
  const effort = quick ? QUICK : { rounds, seconds };
  const measured = await withServers((ports) => measureAll(languages(ports), effort));
  const machine = machineSentence(started, `${effort.rounds} rounds of ${effort.seconds} s`);
  const sections = [{ text: machine }, ...measured.map(({ section }) => section)];
  show(sections);
  if (isRecorded) record('performance/clients.md', 'clients', sections);
  if (measured.some(({ isComplete }) => !isComplete)) process.exitCode = 2;
}

export interface Measured {
  readonly section: Section;
  /** Whether every way was measured to the end. */
  readonly isComplete: boolean;
}

/** Measures the languages one after another. */
export function measureAll(all: readonly Language[], effort: Effort): Promise<Measured[]> {
  return onStage(async (stage) => {
    const measured: Measured[] = [];
    for (const language of all) {
      const [one, many] = await runRows([language.one, language.many], effort, stage);
      const ways = [...one!.contestants, ...many!.contestants];
      const isComplete = ways.every(({ absent }) => absent === undefined);
      measured.push({ section: languageSection(language, one!, many!), isComplete });
    }
    return measured;
  });
}

/** The service and a bare Redis with the same values, on the core that the programs do not use. */
export async function withServers<T>(act: (ports: Ports) => Promise<T>): Promise<T> {
  const contender = ratecacheOf(RATES);
  need(...contender.needs);
  let service: Running | undefined;
  let redis: RedisServer | undefined;
  try {
    service = await contender.start();
    redis = await startRedis();
    await fill(redis);
    for (const pid of [...service.pids, redis.pid]) pin(GENERATOR_CORE, pid);
    await service.settle!();
    return await act({ service: service.port, redis: redis.port });
  } finally {
    await service?.stop();
    await redis?.stop();
  }
}

async function fill(redis: RedisServer): Promise<void> {
  const PAIRS = 1000;
  for (let i = 0; i < ITEMS.length; i += PAIRS)
    await redis.cli('MSET', ...ITEMS.slice(i, i + PAIRS).flatMap(({ key, value }) => [key, value]));
}
