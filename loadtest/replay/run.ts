/** `make replay ARGS="FILE --speed 10"`. Exit code 0 when every gate holds, 1 when one does not, 2 when it fails itself. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { writeReports } from '../report/index.ts';
import { terminalTable } from '../report/table.ts';
import { GENERATOR_CORE, pin } from '../support/pin.ts';
import { startTarget, type Target } from '../target/target.ts';
import { linesOf, readLog } from './log.ts';
import type { Operation } from './operation.ts';
import { replay, seed } from './replay.ts';
import { FASTEST } from './timeline.ts';

const DEFAULT_OUT = fileURLToPath(new URL('../out/replay', import.meta.url));

const number = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new Error(`${text} is not from ${least} to ${most}`);
  return value;
};

interface Options {
  readonly speed: number;
  readonly connections: number;
  readonly seconds: number;
  readonly prefix: string;
  readonly port?: number;
  readonly out: string;
}

const command = new Command('replay')
  .description('Sends the requests of a log again: with their own keys, order and rhythm, open loop.')
  .argument(
    '<file>',
    'an access log (NDJSON: time, op, key or keys, size) or what `redis-cli MONITOR` printed',
  )
  .option('--speed <n>', `1 as logged, up to ${FASTEST} times as fast`, number(1, FASTEST), 1)
  .option('--connections <n>', 'requests that may be under way', number(1, 10_000), 64)
  .option('--seconds <n>', 'what is due later is left out', number(0.1, 86_400), 600)
  .option('--prefix <text>', 'taken off the keys of a MONITOR capture', 'borrow_rate_engine:')
  .option('--port <n>', 'of a service on 127.0.0.1 that runs already, and has its data', number(1, 65_535))
  .option('--out <dir>', 'where results and reports go', DEFAULT_OUT)
  .exitOverride();

async function main(file: string, options: Options): Promise<number> {
  const { operations, skipped } = await readLog(linesOf(file), { prefix: options.prefix });
  console.error(`${operations.length} operations in ${file}`);
  for (const [why, lines] of skipped) console.error(`  passed over, ${why}: ${lines} lines`);
  const target = await targetOf(options, operations);
  try {
    const { speed, connections, seconds: mostSeconds } = options;
    const result = await replay(target, operations, {
      name: basename(file),
      speed,
      connections,
      mostSeconds,
      // Not before: what this process starts would be bound to its core, and the machine seem to have no other.
      beforeSending: () => void pin(GENERATOR_CORE, process.pid),
    });
    console.log(terminalTable([result], { colour: process.stdout.isTTY === true }));
    for (const path of await writeReports([result], options.out, process.env)) console.log(`wrote ${path}`);
    return result.verdict === 'fail' ? 1 : 0;
  } finally {
    await target.stop();
  }
}

/** The service that runs there, or one of its own with what the log expects. */
async function targetOf({ port }: Options, operations: readonly Operation[]): Promise<Target> {
  if (port !== undefined) return { port, stop: async () => {} };
  const target = await startTarget({ data: { symbols: 1, types: [] } }, 0);
  try {
    await seed(target, operations);
    return target;
  } catch (error) {
    await target.stop();
    throw error;
  }
}

try {
  await command
    .action(async (file: string, options: Options) => {
      process.exitCode = await main(file, options);
    })
    .parseAsync();
} catch (error) {
  const asked = error instanceof CommanderError && error.exitCode === 0;
  if (!(error instanceof CommanderError)) console.error(error instanceof Error ? error.message : error);
  process.exitCode = asked ? 0 : 2;
}
