import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MutantName } from '../mutants/index.ts';
import { runWith } from '../mutants/run.ts';

// Proves that the checks can fail: they find each of these mutants.

const TIMEOUT_MS = 60_000;

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

/** The names of the tests of this file that fail. */
async function failures(mutant: MutantName | undefined, file: string): Promise<string[]> {
  const { output } = await runWith(mutant, ['--test-reporter=tap', file], TIMEOUT_MS);
  assert.match(output, /^# tests [1-9]/m, output);
  return Array.from(output.matchAll(/^not ok \d+ - (.*)$/gm), ([, failed]) => failed!);
}
