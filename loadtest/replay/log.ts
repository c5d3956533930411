/** Reads the operations of a log, in the order of their time. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { accessLine } from './access-log.ts';
import { monitorLine } from './monitor.ts';
import type { Operation } from './operation.ts';

/** About half a gigabyte of operations. The rest of a longer log is skipped and counted. */
const MOST_OPERATIONS = 2_000_000;

export interface Log {
  /** In ascending time. */
  readonly operations: readonly Operation[];
  /** Number of skipped lines by reason. */
  readonly skipped: ReadonlyMap<string, number>;
}

/** Reads lines of both formats; each line shows its format. */
export async function readLog(
  lines: AsyncIterable<string> | Iterable<string>,
  { prefix, most = MOST_OPERATIONS }: { prefix: string; most?: number },
): Promise<Log> {
  const operations: Operation[] = [];
  const skipped = new Map<string, number>();
  const skip = (reason: string) => skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
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
  // Servers log a request when they answer it, so an earlier request may come later in the log.
  operations.sort((a, b) => a.atMs - b.atMs);
  return { operations, skipped };
}

/** @throws with the path, if the file cannot be read */
export async function readLogFile(path: string, options: { prefix: string }): Promise<Log> {
  try {
    return await readLog(linesOf(path), options);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

/** @throws if the log has no operation */
export function needOperations(operations: readonly Operation[]): void {
  if (operations.length === 0) throw new Error('no operation was read from the log');
}

/** The lines of a file, which gzip compressed if its name ends in `.gz`. */
export function linesOf(path: string): AsyncIterable<string> {
  const file = createReadStream(path);
  const input = path.endsWith('.gz') ? unzipped(file) : file;
  return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}

function unzipped(file: Readable): Readable {
  // The reader of the lines receives an error of either stream.
  return pipeline(file, createGunzip(), () => {});
}
