/** `ratecache replay`: reads a log, starts a service if necessary, replays the log and prints the result. */
import { basename } from 'node:path';
import { writeReports } from '../report/index.ts';
import { terminalTable } from '../report/table.ts';
import { GENERATOR_CORE, pin } from '../support/pin.ts';
import { type RunningOptions, reachedTarget } from '../target/running.ts';
import { startTarget, type Target } from '../target/target.ts';
import { needOperations, readLogFile } from './log.ts';
import type { Operation } from './operation.ts';
import { fillTarget, replay } from './replay.ts';

export interface ReplayFileOptions {
  readonly speed: number;
  readonly connections: number;
  readonly seconds: number;
  readonly prefix: string;
  /** A service that runs already. */
  readonly running?: RunningOptions;
  readonly out: string;
}

/** @returns whether every gate held */
export async function replayFile(file: string, options: ReplayFileOptions): Promise<boolean> {
  const { operations, skipped } = await readLogFile(file, { prefix: options.prefix });
  console.error(`${operations.length} operations in ${file}`);
  for (const [reason, lines] of skipped) console.error(`  skipped, ${reason}: ${lines} lines`);
  needOperations(operations);
  return options.running === undefined
    ? againstOwn(file, operations, options)
    : againstRunning(file, operations, options, options.running);
}

/** Replays against a new service with the values that the log expects. */
async function againstOwn(
  file: string,
  operations: readonly Operation[],
  options: ReplayFileOptions,
): Promise<boolean> {
  const target = await startTarget({ data: { symbols: 1, types: [] } }, 0);
  try {
    await fillTarget(target, operations);
    return await send(file, operations, target, options);
  } finally {
    await target.stop();
  }
}

/** Replays against a running service. Changes its data only with `--writes`. */
async function againstRunning(
  file: string,
  operations: readonly Operation[],
  options: ReplayFileOptions,
  running: RunningOptions,
): Promise<boolean> {
  const target = await reachedTarget(running);
  const sent = running.writes ? operations : operations.filter(({ op }) => op === 'get' || op === 'mget');
  if (sent.length < operations.length)
    console.error(`  skipped without --writes: ${operations.length - sent.length} operations`);
  console.error(`  CPU and memory of ${running.url} and its Redis are unknown`);
  return send(file, sent, target, options);
}

async function send(
  file: string,
  operations: readonly Operation[],
  target: Target,
  { speed, connections, seconds, out }: ReplayFileOptions,
): Promise<boolean> {
  const result = await replay(target, operations, {
    name: basename(file),
    speed,
    connections,
    mostSeconds: seconds,
    // Not earlier: child processes would inherit the core, and the machine would seem to have only one.
    beforeSending: () => void pin(GENERATOR_CORE, process.pid),
  });
  console.log(terminalTable([result], { colour: process.stdout.isTTY === true }));
  for (const path of await writeReports([result], out, process.env)) console.log(`wrote ${path}`);
  return result.verdict !== 'fail';
}
