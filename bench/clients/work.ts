/** Keeps a number of reads under way, and measures how long each takes. */
import { setImmediate } from 'node:timers/promises';
import { histogram } from '../../loadtest/support/recorder.ts';
import type { Work, Worked } from '../compare/contender.ts';

/** A way to read. */
export type Way = {
  /** Whether reads are answered from the memory of this process, so that they never wait for the network. */
  readonly isLocal?: boolean;
  /** Whether a read found its key, and where it should. Without it, an answer is found unless it is null or undefined. */
  readonly isFound?: (answer: unknown) => boolean;
  readonly close: () => Promise<void>;
} & ({ readonly read: (key: string) => Promise<unknown> } | { readonly peek: (key: string) => unknown });

/**
 * Reads from memory that are timed together: the clock would cost as much as one of them. Afterwards the event loop has a
 * turn, in which heartbeats and invalidations arrive.
 */
const BURST = 1000;
const NS_PER_MS = 1e6;

/** @param keyOf the key of the i-th read */
export async function work(
  way: Way,
  keyOf: (i: number) => string,
  { concurrency, ms }: Work,
): Promise<Worked> {
  const burst = way.isLocal ? Math.ceil(BURST / concurrency) : 1;
  const nanoseconds = histogram();
  let operations = 0;
  const started = performance.now();
  const end = started + ms;
  const { isFound = isPresent } = way;
  const check = (answer: unknown) => {
    if (!isFound(answer)) throw new Error('a key was not found');
  };
  const readAll = async () => {
    if ('peek' in way) for (let n = 0; n < burst; n++) check(way.peek(keyOf(operations++)));
    else for (let n = 0; n < burst; n++) check(await way.read(keyOf(operations++)));
  };
  const loop = async () => {
    while (performance.now() < end) {
      const begun = performance.now();
      await readAll();
      nanoseconds.recordValue(Math.max(1, Math.round(((performance.now() - begun) * NS_PER_MS) / burst)));
      if (way.isLocal) await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const [p50Us, p99Us] = [50, 99].map((percentile) => nanoseconds.getValueAtPercentile(percentile) / 1000);
  return { operations, seconds: (performance.now() - started) / 1000, p50Us: p50Us!, p99Us: p99Us! };
}

function isPresent(answer: unknown): boolean {
  return answer !== undefined && answer !== null;
}
