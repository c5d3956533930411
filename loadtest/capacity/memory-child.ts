import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Entry, keep } from '../../src/cache/entry.ts';
import { Memory } from '../../src/cache/l1/memory.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { headOf } from '../../src/http/head.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { MemoryMeasurement } from './memory.ts';

const HOUR_MS = 3_600_000;
const SAMPLE_EVERY = 500;

/** Measures L1, and sends the result to the parent. This process does nothing else, so its heap is that of L1. */
export function sendMemory(entries: number, valueBytes: number): void {
  process.send?.(measure(entries, valueBytes));
}

function measure(entries: number, valueBytes: number): MemoryMeasurement {
  const collect = collector();
  const l1 = new L1(entries, valueBytes);
  // Uses L1 a little first, so that V8's compiled code and caches do not count as entries.
  l1.fill(Math.min(1_000, entries));
  l1.memory.clear();
  const empty = usage(collect);
  l1.fill(entries);
  const full = usage(collect);
  const busiest = l1.churn();
  return {
    entries: l1.memory.size,
    valueBytes,
    emptyBytes: empty.resident,
    bytesPerEntry: (busiest - empty.resident) / entries,
    settledBytesPerEntry: (full.resident - empty.resident) / entries,
    liveBytesPerEntry: (full.live - empty.live) / entries,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
  };
}

class L1 {
  readonly memory: Memory;
  readonly #entries: number;
  readonly #valueBytes: number;
  readonly #now = Date.now();
  readonly #versions = new VersionClock('00000000');

  constructor(entries: number, valueBytes: number) {
    this.#entries = entries;
    this.#valueBytes = valueBytes;
    const limits = { maxEntries: entries, maxBytes: 0, ttlMs: HOUR_MS };
    this.memory = new Memory(limits, { now: this.#now }, new Counters());
  }

  fill(count: number): void {
    for (let i = 0; i < count; i++) this.#put(i);
  }

  /** Writes every entry twice more, while V8 collects when it decides to. Returns the largest resident memory. */
  churn(): number {
    let most = 0;
    for (let i = 0; i < 2 * this.#entries; i++) {
      this.#put(i % this.#entries);
      if (i % SAMPLE_EVERY === 0) most = Math.max(most, process.memoryUsage.rss());
    }
    return Math.max(most, process.memoryUsage.rss());
  }

  #put(i: number): void {
    const key = `borrow_rate:SYM${i.toString(36).toUpperCase()}`;
    const fixed = `{"rate":${i},"x":""}`;
    const text = fixed.replace('""', `"${'x'.repeat(Math.max(0, this.#valueBytes - fixed.length))}"`);
    // From bytes, as a body from a socket: a concatenated string has another shape on the heap.
    const value = { encoding: 'json', body: keep('json', Buffer.from(text)) } as const;
    const entry = new Entry(key, value, this.#versions.next(), this.#now, this.#now + HOUR_MS);
    this.memory.set(entry);
    // Flattens the header: V8 stores a concatenated string as parts until it is read, as the socket does.
    Buffer.from(headOf(entry, text.length, 'none', this.#now));
  }
}

/** Memory after two full collections: the second frees what finalizers of the first release. */
function usage(collect: () => void): { live: number; resident: number } {
  collect();
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { live: heapUsed + external, resident: rss };
}

/** V8's `gc` function. The single binary takes no flags of Node, so the flag that exposes it is set here. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
