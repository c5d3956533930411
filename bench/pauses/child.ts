/**
 * An L1 of many entries, filled, then churned, then swept, in slices of a millisecond with the event loop free in
 * between: what held the loop up for longer than its slice was a pause. Tells its figures as one line of JSON.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { Entry, keep } from '../../src/cache/entry.ts';
import { Memory } from '../../src/cache/memory.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { Pauses, Phase } from './phase.ts';

const entries = Number(process.argv[2]);
const CHURN = 0.3;
const SLICE_MS = 1;
const VALUE = 'x'.repeat(150);
const LIFE_MS = 300_000;

const clock = { now: Date.now() };
const memory = new Memory({ maxEntries: entries, maxBytes: 0, ttlMs: LIFE_MS }, clock, new Counters());
const versions = new VersionClock('be4c4000');

/** V8 keeps a concatenation as its parts until somebody reads it. */
const flat = (text: string) => Buffer.from(text).toString('latin1');

/** As a write brings it: strings of their own, made from bytes. */
function entryOf(i: number): Entry {
  const key = flat(`borrow_rate:S${i}`);
  const body = keep('json', Buffer.from(`{"ticker":"S${i}","rate":0.0525,"filler":"${VALUE}"}`));
  const version = flat(versions.next());
  return new Entry(key, { encoding: 'json', body }, version, clock.now, clock.now + LIFE_MS);
}

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

function* writes(from: number, to: number): Generator<void> {
  for (let i = from; i < to; i++) {
    memory.set(entryOf(i));
    yield;
  }
}

const phases = [
  await phase('fill', writes(0, entries)),
  await phase('churn', writes(entries, Math.floor(entries * (1 + CHURN)))),
];
clock.now += LIFE_MS;
phases.push(await phase('sweep', memory.sweep()));
const told: Pauses = { phases, left: memory.size };
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit();
