/**
 * The life of a large L1 in a process of its own, in slices of a millisecond with the event loop free in between: what
 * held the loop up for longer than its slice was a pause.
 */
import { below, seeded } from '../../loadtest/support/random.ts';
import { type Encoding, type Entry, keep } from '../../src/cache/entry.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { headOf } from '../../src/http/head.ts';
import { pack, unpack } from '../../src/redis/envelope.ts';
import { emptyMemory, LIFE_MS } from '../support/cache.ts';
import { answerParent } from '../support/child.ts';

export interface LifeJob {
  readonly entries: number;
  readonly encoding: Encoding;
}

export interface Life {
  readonly phases: readonly Phase[];
  /** Bytes of an entry's key and value. */
  readonly ownBytes: number;
  /** What an entry uses in addition, on V8's heap and in buffers: after the fill, and at the end. */
  readonly filledBytes: number;
  readonly churnedBytes: number;
}

export interface Phase {
  readonly name: string;
  /** The event loop was held up for at most so long. */
  readonly longestMs: number;
}

const WARM_UP = 20_000;
const SLICE_MS = 1;
/** When nobody has read an entry for so long, a sweep drops its header lines. */
const IDLE_MS = 11_000;
const FILLER = 'x'.repeat(150);
const LIMITS = { compressionThresholdBytes: 4096, maxValueBytes: 1024 * 1024 };

const clock = { now: Date.now() };
const versions = new VersionClock('be4c4000');
const sent = Buffer.alloc(1024);

answerParent(async ({ entries, encoding }: LifeJob): Promise<Life> => {
  // What V8 compiles on first use is in memory before anything counts.
  await live(WARM_UP, encoding);
  return live(entries, encoding);
});

async function live(entries: number, encoding: Encoding): Promise<Life> {
  const before = bytesInUse();
  const memory = emptyMemory(entries, clock);
  const churned = Math.floor(entries * 1.3);
  const random = seeded(1);
  const set = (i: number) => memory.set(entryOf(i, encoding));
  // The newer half: which of the older entries are evicted depends on their shards.
  const read = () => answer(memory.fresh(keyOf(churned - 1 - below(entries / 2, random)))!);
  const phases = [await phase('fill', times(0, entries, set))];
  let own = 0;
  for (const { key, value } of memory.entries()) own += key.length + value.body.length;
  const added = () => (bytesInUse() - before - own) / entries;
  const filledBytes = added();
  phases.push(
    await phase('churn', times(entries, churned, set)),
    await phase('read', times(0, entries, read)),
  );
  clock.now += IDLE_MS;
  phases.push(await phase('sweep', memory.sweep()));
  return { phases, ownBytes: own / entries, filledBytes, churnedBytes: added() };
}

function* times(from: number, to: number, step: (i: number) => void): Generator<void> {
  for (let i = from; i < to; i++) yield step(i);
}

async function phase(name: string, steps: Iterable<unknown>): Promise<Phase> {
  let longestMs = 0;
  let sliceBegan = performance.now();
  for (const _ of steps) {
    if (performance.now() - sliceBegan < SLICE_MS) continue;
    await turn();
    const now = performance.now();
    longestMs = Math.max(longestMs, now - sliceBegan - SLICE_MS);
    sliceBegan = now;
  }
  return { name, longestMs };
}

function turn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}

/** After full collections: the second one frees buffers. */
function bytesInUse(): number {
  for (let i = 0; i < 4; i++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The i-th entry as a read from Redis makes it: from bytes, so that every string is its own. */
function entryOf(i: number, encoding: Encoding): Entry {
  const json = `{"ticker":"S${i}","rate":0.0525,"filler":"${FILLER}"}`;
  const bytes = encoding === 'json' ? Buffer.from(json) : jsonToMsgpack(json);
  const value = { encoding, body: keep(encoding, bytes) };
  const packed = pack(value, versions.next(), clock.now, clock.now + LIFE_MS, LIMITS);
  return unpack(keyOf(i), packed, LIMITS)!;
}

/** As it comes from a socket: V8 keeps a concatenation as its parts until it is read. */
function keyOf(i: number): string {
  return Buffer.from(`borrow_rate:S${i}`).toString('latin1');
}

/** Makes the header lines of an answer, and reads them as sending does, which makes one string of their parts. */
function answer(entry: Entry): void {
  sent.write(headOf(entry, (entry.plainJson ?? entry.packed).length, 'none', clock.now), 'latin1');
}
