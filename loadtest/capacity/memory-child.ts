/** `node --expose-gc memory-child.ts ENTRIES VALUE_BYTES`: prints a `MemoryMeasurement` as JSON. */
import { getHeapStatistics } from 'node:v8';
import { Entry, keep } from '../../src/cache/entry.ts';
import { Memory } from '../../src/cache/memory.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { headOf } from '../../src/http/head.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { MemoryMeasurement } from './memory.ts';

const HOUR_MS = 3_600_000;
const SAMPLE_EVERY = 500;

const [entries, valueBytes] = process.argv.slice(2).map(Number);
if (entries === undefined || valueBytes === undefined || !(entries > 0) || !(valueBytes >= 20))
  throw new Error('usage: node --expose-gc memory-child.ts ENTRIES VALUE_BYTES, of which at least 20');
if (globalThis.gc === undefined) throw new Error('needs --expose-gc');
const collect: () => void = globalThis.gc;

const now = Date.now();
const memory = new Memory({ maxEntries: entries, maxBytes: 0, ttlMs: HOUR_MS }, { now }, new Counters());
const versions = new VersionClock('00000000');

// A little use first, so that what V8 compiles and caches is not counted as entries.
fill(Math.min(1_000, entries));
memory.clear();
const empty = usage();
fill(entries);
const full = usage();
const busiest = churn(entries);

const measurement: MemoryMeasurement = {
  entries: memory.size,
  valueBytes,
  emptyBytes: empty.resident,
  bytesPerEntry: (busiest - empty.resident) / entries,
  settledBytesPerEntry: (full.resident - empty.resident) / entries,
  liveBytesPerEntry: (full.live - empty.live) / entries,
  heapLimitBytes: getHeapStatistics().heap_size_limit,
};
console.log(JSON.stringify(measurement));

function fill(count: number): void {
  for (let i = 0; i < count; i++) put(i);
}

/** Writes every entry again, twice, and leaves V8 to collect when it likes; gives the most that was resident. */
function churn(count: number): number {
  let most = 0;
  for (let i = 0; i < 2 * count; i++) {
    put(i % count);
    if (i % SAMPLE_EVERY === 0) most = Math.max(most, process.memoryUsage.rss());
  }
  return Math.max(most, process.memoryUsage.rss());
}

function put(i: number): void {
  const key = `borrow_rate:SYM${i.toString(36).toUpperCase()}`;
  const fixed = `{"rate":${i},"x":""}`;
  const text = fixed.replace('""', `"${'x'.repeat(Math.max(0, valueBytes! - fixed.length))}"`);
  // From bytes, as a body comes from a socket: a string built by concatenation has another shape on the heap.
  const value = { encoding: 'json', body: keep('json', Buffer.from(text)) } as const;
  const entry = new Entry(key, value, versions.next(), now, now + HOUR_MS);
  memory.set(key, entry);
  // Flat: V8 keeps a concatenation as its parts until somebody reads it, which the socket does.
  Buffer.from(headOf(entry, 'json', now));
}

/** After full collections. Two, since what the first one's finalizers release is freed by the second. */
function usage(): { live: number; resident: number } {
  collect();
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { live: heapUsed + external, resident: rss };
}
