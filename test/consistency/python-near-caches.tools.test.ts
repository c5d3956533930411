import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApart } from './apart.ts';
import type { Report, RunOptions, Topology } from './check.ts';
import type { Fault } from './faults.ts';

const ENOUGH = { reads: 500, changes: 100, lesser: 1, nearHits: 100 };
/** A single run may miss a defect, above all on a busy machine, where a run has few reads and writes. */
const MOST_RUNS = 4;

const RUNS: readonly (readonly [topology: Topology, fault: Fault, seconds: number])[] = [
  ['single', 'link-killed', 3],
  ['cluster', 'failover', 4],
  ['sentinel', 'link-killed', 3],
];

for (const [topology, fault, seconds] of RUNS)
  test(`${topology}, ${fault}: near caches of the Python client serve no old value`, async () => {
    const { violations, nearHits } = await run({ topology, fault, seconds, seed: 1 });
    assert.deepEqual(violations.slice(0, 5), []);
    assert.ok(nearHits >= ENOUGH.nearHits, `${nearHits} hits`);
  });

test('a run finds the defect of the Python client: a reset leaves the entries in the near cache', async () => {
  const pythonDefect = 'a reset leaves the entries in the near cache';
  const isFound = (violation: string) => /stale by|went back|at the end near cache/.test(violation);
  let violations: readonly string[] = [];
  for (let seed = 1; !violations.some(isFound) && seed <= MOST_RUNS; seed++)
    ({ violations } = await run({
      topology: 'single',
      fault: 'link-killed',
      seconds: 8,
      seed,
      pythonDefect,
    }));
  assert.ok(violations.some(isFound), violations[0]);
});

/** Only near caches of the Python client read, so that nobody tells them what they have missed. */
function run(
  options: Pick<RunOptions, 'topology' | 'fault' | 'seconds' | 'seed' | 'pythonDefect'>,
): Promise<Report> {
  return runApart({
    replicas: 2,
    nearCaches: false,
    nearCachesOnly: true,
    python: true,
    enough: ENOUGH,
    ...options,
  });
}
