import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MANY_PROCESSES } from '../../loadtest/target/service.ts';
import { faultNamed } from './faults.ts';
import { measure } from './measure.ts';
import { rowOf } from './table.ts';
import { PROMISED, verdict } from './verdict.ts';

// A short form of `make chaos ARGS="--processes 2"`.

const { boundMs } = PROMISED;
/** More than is promised, as in chaos.long.test.ts. */
const SLOWEST_MS = 250;
MANY_PROCESSES.count = 2;

for (const name of ['frozen 2 s', 'killed, back empty', 'full (OOM)']) {
  test(`with two processes, while Redis is ${name}, no read fails or waits, and no acknowledged write is lost`, async (t) => {
    const row = await measure(faultNamed(name), { calmMs: 500, boundMs });
    t.diagnostic(rowOf(row));
    assert.deepEqual(verdict(row, SLOWEST_MS), []);
    assert.ok(row.rssBefore > 0 && row.rssAfter > 0, 'the memory of both processes is known');
  });
}
