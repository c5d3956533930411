/**
 * `node --expose-gc bytes.ts ENTRIES ORIGIN ENCODING`: what an entry of an L1 of so many takes. Tells it as one line of
 * JSON.
 */
import type { Encoding } from '../../src/cache/entry.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { emptyMemory } from '../support/cache.ts';
import { answer, entryMaker, IDLE_MS } from './entries.ts';
import type { Bytes, Origin } from './figures.ts';

const [entries, origin, encoding] = [
  Number(process.argv[2]),
  process.argv[3] as Origin,
  process.argv[4] as Encoding,
];
const WARM_UP = 20000;

const clock = { now: Date.now() };
const make = entryMaker(origin, encoding);

function filled(count: number) {
  const memory = emptyMemory(count, clock, new Counters());
  for (let i = 0; i < count; i++) memory.set(make(i, clock.now));
  return memory;
}

function answerAll(memory: ReturnType<typeof filled>): void {
  for (const entry of memory.entries()) answer(entry, clock.now);
}

function sweep(memory: ReturnType<typeof filled>): void {
  clock.now += IDLE_MS;
  for (const _ of memory.sweep());
}

/** What is in use after full collections: buffers are let go by the second. */
function inUse(): { readonly counted: number; readonly resident: number } {
  for (let i = 0; i < 4; i++) globalThis.gc!();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { counted: heapUsed + external, resident: rss };
}

/** What is compiled on first use is there before anything counts; in a function, which leaves no entry behind. */
function warmUp(): void {
  const memory = filled(WARM_UP);
  answerAll(memory);
  sweep(memory);
}

warmUp();
const before = inUse();
const memory = filled(entries);
let own = 0;
for (const { key, value } of memory.entries()) own += key.length + value.body.length;
const beside = (bytes: number) => (bytes - own) / entries;
const after = inUse();
answerAll(memory);
const answered = inUse();
sweep(memory);
const swept = inUse();

const told: Bytes = {
  origin,
  encoding,
  own: own / entries,
  beside: beside(after.counted - before.counted),
  answered: beside(answered.counted - before.counted),
  swept: beside(swept.counted - before.counted),
  resident: beside(after.resident - before.resident),
};
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit();
