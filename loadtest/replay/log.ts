/** A log as the operations in it, in the order of their time. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { accessLine } from './access-log.ts';
import { monitorLine } from './monitor.ts';
import type { Operation } from './operation.ts';

/** About half a gigabyte of them; the rest of a longer log is left out, and said to be. */
const MOST_OPERATIONS = 2_000_000;

export interface Log {
  /** Ascending in time. */
  readonly operations: readonly Operation[];
  /** Lines that were none, by why. */
  readonly skipped: ReadonlyMap<string, number>;
}

/** Reads lines of either form; which it is, each line shows. */
export async function readLog(
  lines: AsyncIterable<string> | Iterable<string>,
  { prefix, most = MOST_OPERATIONS }: { prefix: string; most?: number },
): Promise<Log> {
  const operations: Operation[] = [];
  const skipped = new Map<string, number>();
  const skip = (why: string) => skipped.set(why, (skipped.get(why) ?? 0) + 1);
  for await (const line of lines) {
    const text = line.trim();
    if (text === '') continue;
    if (operations.length >= most) {
      skip(`beyond the first ${most}`);
      continue;
    }
    const read = text.startsWith('{') ? accessLine(text) : monitorLine(text, prefix);
    if (typeof read === 'string') skip(read);
    else operations.push(read);
  }
  // Servers log when they answer, so what began earlier may stand later.
  operations.sort((a, b) => a.atMs - b.atMs);
  return { operations, skipped };
}

export function linesOf(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}
