/** The parts of a cache that benchmarks build. */
import type { Clock } from '../../src/cache/clock.ts';
import { Entry } from '../../src/cache/entry.ts';
import { Memory } from '../../src/cache/l1/memory.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { TYPES } from '../../src/key.ts';
import type { Counters } from '../../src/metrics/counters.ts';

/** As the service has them by default. */
export const L1_TTL_MS = 60_000;
export const LIFE_MS = 300_000;
export const TTLS: readonly number[] = TYPES.map(() => LIFE_MS);

const versions = new VersionClock('be4c4000');

export function entryOf(key: string, json: string, now: number): Entry {
  return new Entry(key, { encoding: 'json', body: json }, versions.next(), now, now + LIFE_MS);
}

export function emptyMemory(maxEntries: number, clock: Clock, counters: Counters): Memory {
  return new Memory({ maxEntries, maxBytes: 0, ttlMs: L1_TTL_MS }, clock, counters);
}

/** An L1 that holds all of these, and is full. */
export function filledMemory(
  keys: readonly string[],
  values: readonly string[],
  clock: Clock,
  counters: Counters,
): Memory {
  const memory = emptyMemory(keys.length, clock, counters);
  for (let i = 0; i < keys.length; i++) memory.set(entryOf(keys[i]!, values[i]!, clock.now));
  return memory;
}
