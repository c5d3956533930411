/** The parts of a cache that benchmarks build. */
import type { Clock } from '../../src/cache/clock.ts';
import { Entry } from '../../src/cache/entry.ts';
import { Memory } from '../../src/cache/l1/memory.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { TYPES } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { type Item, itemsOf } from './data.ts';

/** The defaults of the service. */
export const L1_TTL_MS = 60_000;
export const LIFE_MS = 300_000;
export const TTLS: readonly number[] = TYPES.map(() => LIFE_MS);

const versions = new VersionClock('be4c4000');

/** Keys with values of 270 bytes, as a broker's file has them. */
export function quotes(count: number): Item[] {
  return itemsOf({ count, bytes: 270 });
}

export function entryOf({ key, value }: Item, now: number): Entry {
  return new Entry(key, { encoding: 'json', body: value }, versions.next(), now, now + LIFE_MS);
}

export function emptyMemory(maxEntries: number, clock: Clock): Memory {
  return new Memory({ maxEntries, maxBytes: 0, ttlMs: L1_TTL_MS }, clock, new Counters());
}

/** An L1 that holds all items, and is full. */
export function filledMemory(items: readonly Item[], clock: Clock): Memory {
  const memory = emptyMemory(items.length, clock);
  for (const item of items) memory.set(entryOf(item, clock.now));
  return memory;
}
