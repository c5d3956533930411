/** Makes a profile file from a log: its mix, its popular keys, and its rate over time. */
import { count } from '../../src/format.ts';
import { MOST_BATCH, MOST_VALUE_BYTES, type ProfileFile } from '../profile-file.ts';
import { median } from '../support/median.ts';
import { needOperations } from './log.ts';
import type { Operation } from './operation.ts';

export interface RecordOptions {
  readonly name: string;
  /** Duration of the profile. The rates stay as logged, and each stage becomes shorter. Default: that of the log. */
  readonly seconds?: number;
  /** Mean rate of the profile, in operations/s. The shape of the rate stays as logged. Default: the mean rate of the log. */
  readonly rate?: number;
  /** Receives a sentence for each figure of the log that a profile cannot have. */
  readonly onNote?: (note: string) => void;
}

const MOST_STAGES = 60;
const MOST_KEYS = 10_000;
const LEAST_STAGE_MS = 1_000;
const SCHEMA = 'load-profile.schema.json';

/**
 * @param operations in ascending time
 * @throws if there are none, or if they last less than a second
 */
export function recordProfile(
  operations: readonly Operation[],
  { name, seconds, rate, onNote = () => {} }: RecordOptions,
): ProfileFile {
  needOperations(operations);
  if (operations.length === 1) throw new Error('one operation was read from the log, so it has no rate');
  const lastsMs = operations.at(-1)!.atMs - operations[0]!.atMs;
  if (lastsMs < LEAST_STAGE_MS) throw new Error('the log lasts less than a second, so it has no rate');
  const factor = rate === undefined ? 1 : rate / meanRate(operations);
  const { keys, weights } = popular(operations);
  const sizes = operations.flatMap(({ op, bytes }) => (op === 'mget' || !bytes ? [] : [bytes]));
  return {
    $schema: SCHEMA,
    name,
    question: `How does the service answer a load like that of ${name}?`,
    connections: 64,
    rate: stagesOf(operations, lastsMs, factor, seconds),
    mix: mixOf(operations, onNote),
    keys: { list: keys, weights, ...(sizes.length > 0 && { valueBytes: bytesOf(sizes, onNote) }) },
  };
}

/** Operations a second. @param operations in ascending time, at least two of different times */
export function meanRate(operations: readonly Operation[]): number {
  return (operations.length * 1000) / (operations.at(-1)!.atMs - operations[0]!.atMs);
}

/** The rate over time, in at most 60 stages of the same length. Each has the mean rate of its part of the log. */
function stagesOf(
  operations: readonly Operation[],
  lastsMs: number,
  factor: number,
  seconds = lastsMs / 1000,
): ProfileFile['rate'] {
  const stages = Math.min(MOST_STAGES, Math.floor(lastsMs / LEAST_STAGE_MS));
  const partMs = lastsMs / stages;
  const requests = new Array<number>(stages).fill(0);
  const first = operations[0]!.atMs;
  for (const { atMs } of operations) requests[Math.min(stages - 1, Math.floor((atMs - first) / partMs))]!++;
  return requests.map((n) => ({
    seconds: rounded(seconds / stages),
    perSecond: rounded((factor * n * 1000) / partMs),
  }));
}

function bytesOf(sizes: readonly number[], onNote: (note: string) => void): number {
  const bytes = Math.round(median(sizes));
  if (bytes > MOST_VALUE_BYTES)
    onNote(`values have ${count(bytes)} bytes in the log, and ${count(MOST_VALUE_BYTES)} in the profile`);
  return Math.min(bytes, MOST_VALUE_BYTES);
}

function mixOf(operations: readonly Operation[], onNote: (note: string) => void): ProfileFile['mix'] {
  const byOp = Map.groupBy(operations, ({ op }) => op);
  return [...byOp].map(([op, of]) => ({
    op,
    share: rounded((100 * of.length) / operations.length),
    ...(op === 'mget' && {
      size: batchOf(of, onNote),
    }),
  }));
}

/** The mean number of keys of these batches. */
function batchOf(batches: readonly Operation[], onNote: (note: string) => void): number {
  const mean = Math.round(batches.reduce((sum, { keys }) => sum + keys.length, 0) / batches.length);
  if (mean > MOST_BATCH)
    onNote(`an mget has ${count(mean)} keys in the log, and ${count(MOST_BATCH)} in the profile`);
  return Math.min(Math.max(1, mean), MOST_BATCH);
}

/** The most popular keys, most popular first, with the number of operations on each. */
function popular(operations: readonly Operation[]): { keys: string[]; weights: number[] } {
  const counts = new Map<string, number>();
  for (const { keys } of operations) for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_KEYS);
  return { keys: most.map(([key]) => key), weights: most.map(([, count]) => count) };
}

/** At most three decimals, and never 0 for a positive number. */
function rounded(value: number): number {
  return Math.max(Math.round(value * 1000) / 1000, value > 0 ? 0.001 : 0);
}
