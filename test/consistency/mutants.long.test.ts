import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MutantName } from '../mutants/index.ts';
import { runWith } from '../mutants/run.ts';
import type { Fault } from './faults.ts';

// Proves that the checks can fail: they find each of these mutants.

const TIMEOUT_MS = 60_000;
/** A single run may miss a mutant, above all on a busy machine, where a run has few reads and writes. */
const MOST_RUNS = 4;

const COHERENCE = 'test/cache/coherence.test.ts';
const NEWER_WINS = 'test/cache/newer-wins.test.ts';
const PUSH_ORDER = 'test/consistency/push-order.test.ts';
const HEARTBEAT = 'test/redis/heartbeat.test.ts';
const NEAR_READS = 'test/client/reads.test.ts';

/** Mutants that a single interleaving reveals, and the gated test that must fail. */
const BY_GATES: readonly (readonly [mutant: MutantName, suite: string, fails: RegExp])[] = [
  ['a fenced flight fills L1', COHERENCE, /^a read that an invalidation fences/],
  ['a fenced flight may still be joined', COHERENCE, /^a read after an invalidation does not join/],
  [
    'L1 keeps an entry that is older than the answer of a fenced flight',
    COHERENCE,
    /^after a fenced read returned a newer value/,
  ],
  ['an own write fills L1', COHERENCE, /^a write that is answered together with a later read/],
  ['an invalidation leaves the entry in L1', COHERENCE, /^an invalidation deletes the entry/],
  [
    'an echo before the answer is ignored',
    COHERENCE,
    /^a foreign write that shares the echo of an own write/,
  ],
  ['L1 is served while it is not trusted', COHERENCE, /^while L1 is not trusted, reads go to L2/],
  ['clients receive answers that are older than an own write', PUSH_ORDER, /^an own write is pushed last/],
  ['a change that came during a compare-and-set is not reported', COHERENCE, /^a refused compare-and-set/],
  [
    'a pending write does not yield to a newer version that the link reports',
    NEWER_WINS,
    /^a pending write yields to a newer version/,
  ],
  [
    'a timed-out write becomes pending although Redis has a newer value',
    NEWER_WINS,
    /^a timed-out write does not replace a newer acknowledged write/,
  ],
  [
    'a pending write replaces a newer pending write',
    NEWER_WINS,
    /^a timed-out write does not replace a newer pending write/,
  ],
  // A run would judge the age of values in the time that the processes have a core, which a busy machine stretches.
  ['a silent link counts as alive', HEARTBEAT, /^a beat detects a silent link within the timeout/],
  [
    'the near cache stores an answer that an event has overtaken',
    NEAR_READS,
    /^a push that overtakes an answer wins/,
  ],
];

/** Mutants that a run with a fault reveals, and that fault. */
const BY_RUN: readonly (readonly [
  mutant: MutantName,
  fault: Fault,
  seconds: number,
  topology: 'single' | 'cluster',
])[] = [
  ['a link that is armed again does not empty L1', 'link-killed', 3, 'single'],
  ['clients are not notified that the state is coherent again', 'data-killed', 2, 'single'],
  ['a link that is armed again does not empty L1', 'link-killed', 3, 'cluster'],
  ['clients are not notified that the state is coherent again', 'failover', 3, 'cluster'],
  ['an entry of the near cache is served while its watch is dead', 'client-half-open', 6, 'single'],
];

test('the gated tests pass without a mutant', async () => {
  for (const suite of [COHERENCE, NEWER_WINS, PUSH_ORDER, HEARTBEAT, NEAR_READS])
    assert.deepEqual(await failures(undefined, suite), []);
});

for (const [mutant, suite, fails] of BY_GATES) {
  test(`a gated test finds the mutant: ${mutant}`, async () => {
    const failed = await failures(mutant, suite);
    assert.ok(
      failed.some((name) => fails.test(name)),
      `failed tests: ${failed.join('; ')}`,
    );
  });
}

for (const [mutant, fault, seconds, topology] of BY_RUN) {
  test(`a run with ${fault} (${topology}) finds the mutant: ${mutant}`, async () => {
    const options = [
      '--seconds',
      String(seconds),
      '--replicas',
      '2',
      '--fault',
      fault,
      '--topology',
      topology,
    ];
    const run = (seed: number) =>
      runWith(mutant, ['test/consistency/run.ts', ...options, '--seed', String(seed)], TIMEOUT_MS);
    let last = await run(1);
    for (let seed = 2; last.code === 0 && seed <= MOST_RUNS; seed++) last = await run(seed);
    assert.equal(last.code, 1, last.output);
    assert.match(
      last.output,
      /stale by|went back|at the end|no answer named a lesser state|without a connection/,
    );
  });
}

/** The names of the tests of this file that fail. */
async function failures(mutant: MutantName | undefined, file: string): Promise<string[]> {
  const { output } = await runWith(mutant, ['--test-reporter=tap', file], TIMEOUT_MS);
  assert.match(output, /^# tests [1-9]/m, output);
  return Array.from(output.matchAll(/^not ok \d+ - (.*)$/gm), ([, failed]) => failed!);
}
