/**
 * `node pauses.ts ENTRIES ENCODING`: the life of an L1 of so many, in slices of a millisecond with the event loop free
 * in between: what held the loop up for longer than its slice was a pause. Tells its phases as one line of JSON.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { below, seeded } from '../../loadtest/support/random.ts';
import type { Encoding } from '../../src/cache/entry.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { emptyMemory, LIFE_MS } from '../support/cache.ts';
import { answer, entryMaker, IDLE_MS, keyOf } from './entries.ts';
import type { Phase } from './figures.ts';

const entries = Number(process.argv[2]);
const encoding = process.argv[3] as Encoding;
const CHURNED = Math.floor(entries * 1.3);
const SLICE_MS = 1;

const clock = { now: Date.now() };
const memory = emptyMemory(entries, clock, new Counters());
const make = entryMaker('read', encoding);

let collections: { readonly kind: number; readonly ms: number }[] = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    // The types leave out what a collection's entry has.
    const { kind } = (entry as unknown as { readonly detail: { readonly kind: number } }).detail;
    collections.push({ kind, ms: entry.duration });
  }
}).observe({ entryTypes: ['gc'] });

const turn = () => new Promise((resume) => setImmediate(resume));

/** Runs a phase whose every step is short, and tells what was long. */
async function phase(name: string, steps: Iterable<unknown>): Promise<Phase> {
  collections = [];
  const began = performance.now();
  let longest = 0;
  let sliceBegan = began;
  for (const _ of steps) {
    if (performance.now() - sliceBegan < SLICE_MS) continue;
    await turn();
    const now = performance.now();
    longest = Math.max(longest, now - sliceBegan - SLICE_MS);
    sliceBegan = now;
  }
  const seconds = (performance.now() - began) / 1000;
  await turn();
  const worst = (kind: number) =>
    Math.max(0, ...collections.map((each) => (each.kind === kind ? each.ms : 0)));
  return {
    name,
    seconds,
    longestMs: longest,
    minorMs: worst(constants.NODE_PERFORMANCE_GC_MINOR),
    majorMs: worst(constants.NODE_PERFORMANCE_GC_MAJOR),
    collecting: collections.reduce((sum, { ms }) => sum + ms, 0) / 1000 / seconds,
  };
}

function* fill(from: number, to: number): Generator<void> {
  for (let i = from; i < to; i++) {
    memory.set(make(i, clock.now));
    yield;
  }
}

function* read(): Generator<void> {
  const random = seeded(1);
  for (let i = 0; i < entries; i++) {
    answer(memory.fresh(keyOf(CHURNED - 1 - below(entries, random)))!, clock.now);
    yield;
  }
}

function* flush(): Generator<void> {
  memory.clear();
  yield;
  yield* fill(0, entries);
}

const phases = [
  await phase('fill', fill(0, entries)),
  await phase('churn', fill(entries, CHURNED)),
  await phase('read', read()),
];
clock.now += IDLE_MS;
phases.push(await phase('sweep, none over', memory.sweep()));
phases.push(await phase('clear', flush()));
clock.now += LIFE_MS;
phases.push(await phase('sweep, all over', memory.sweep()));
if (memory.size > 0) throw new Error(`${memory.size} entries outlived their time`);
process.stdout.write(`${JSON.stringify(phases)}\n`);
process.exit();
