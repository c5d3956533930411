/** `ratecache replay`: reads a log, starts what it needs, sends it again, and shows what came out. */
import { basename } from 'node:path';
import { writeReports } from '../report/index.ts';
import { terminalTable } from '../report/table.ts';
import { GENERATOR_CORE, pin } from '../support/pin.ts';
import { startTarget, type Target } from '../target/target.ts';
import { linesOf, readLog } from './log.ts';
import type { Operation } from './operation.ts';
import { fillTarget, replay } from './replay.ts';

export interface ReplayFileOptions {
  readonly speed: number;
  readonly connections: number;
  readonly seconds: number;
  readonly prefix: string;
  readonly url?: string;
  readonly writes?: boolean;
  readonly out: string;
}

/** @returns whether every gate held */
export async function replayFile(file: string, options: ReplayFileOptions): Promise<boolean> {
  const { operations, skipped } = await readLog(linesOf(file), { prefix: options.prefix });
  console.error(`${operations.length} operations in ${file}`);
  for (const [why, lines] of skipped) console.error(`  passed over, ${why}: ${lines} lines`);
  return options.url === undefined ? own(file, operations, options) : others(file, operations, options);
}

/** Against a service of its own, with what the log expects to find there. */
async function own(
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

/** Against a service that runs already and has its data, which is changed only on request. */
function others(
  file: string,
  operations: readonly Operation[],
  options: ReplayFileOptions,
): Promise<boolean> {
  const sent = options.writes ? operations : operations.filter(({ op }) => op === 'get' || op === 'mget');
  if (sent.length < operations.length)
    console.error(`  left out without --writes: ${operations.length - sent.length} operations`);
  console.error(`  what ${options.url} and its Redis use of CPU and memory cannot be known from here`);
  return send(file, sent, { ...addressOf(options.url!), stop: async () => {} }, options);
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
    // Not before: what this process starts would be bound to its core, and the machine seem to have no other.
    beforeSending: () => void pin(GENERATOR_CORE, process.pid),
  });
  console.log(terminalTable([result], { colour: process.stdout.isTTY === true }));
  for (const path of await writeReports([result], out, process.env)) console.log(`wrote ${path}`);
  return result.verdict !== 'fail';
}

function addressOf(text: string): { host: string; port: number } {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' || url.pathname !== '/') throw new Error(`${text} is not http://HOST:PORT`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) };
}
