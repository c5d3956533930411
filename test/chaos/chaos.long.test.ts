import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultNamed, REPRESENTATIVE } from './faults.ts';
import { measure } from './measure.ts';
import { CASES, isFound } from './mutants.ts';
import { rollingRestart } from './rolling.ts';
import { soak } from './soak.ts';
import { rowOf } from './table.ts';
import { PROMISED, verdict } from './verdict.ts';

// A short form of `make chaos`.

const { boundMs } = PROMISED;
/** More than is promised: a program on the same core makes work itself slower, and that shows in no wait. */
const SLOWEST_MS = 250;

for (const name of REPRESENTATIVE) {
  test(`while Redis is ${name}, no read fails or waits, and no acknowledged write is lost`, async (t) => {
    const row = await measure(faultNamed(name), { calmMs: 500, boundMs });
    t.diagnostic(rowOf(row));
    assert.deepEqual(verdict(row, SLOWEST_MS), []);
  });
}

test('no request fails while two instances on one port restart in turn', async (t) => {
  const { failures, ...report } = await rollingRestart({ rounds: 1, clients: 12, everyMs: 25 });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(failures, []);
  assert.ok(report.requests > 300);
});

test('under random faults no request fails, no write is lost and no resource grows', async (t) => {
  const report = await soak({ seconds: 5, seed: 4, boundMs, slowestMs: SLOWEST_MS });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.violations, []);
});

test('the checks detect a mutant of the service', async () => {
  const { found, output } = await isFound(
    CASES.find(({ mutant }) => mutant === 'reads ignore the pending writes')!,
  );
  assert.ok(found, output);
});
