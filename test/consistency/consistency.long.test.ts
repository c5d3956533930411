import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApart } from './apart.ts';
import type { Report } from './check.ts';
import type { Fault } from './faults.ts';

// A few seconds of each fault; `run.ts` is the longer run.

/** A check of nothing proves nothing: on a busy machine a run goes on until there is this much. */
const ENOUGH = { reads: 1000, changes: 100 };

const RUNS: readonly { fault: Fault; seconds: number; replicas?: number; expect: string }[] = [
  {
    fault: 'none',
    seconds: 2,
    replicas: 3,
    expect: 'nobody sees an old value for longer than a message takes',
  },
  { fault: 'link-killed', seconds: 2.5, expect: 'a killed link costs nobody a write' },
  { fault: 'data-killed', seconds: 2.5, expect: 'a killed data connection leaves readers with what says so' },
  { fault: 'frozen', seconds: 3.5, expect: 'a Redis that is frozen and goes on leaves nothing old behind' },
  { fault: 'half-open', seconds: 4, expect: 'a half-open link serves old values no longer than the bound' },
  {
    fault: 'slow',
    seconds: 4,
    expect: 'a path to Redis of 120 ms there and back costs marks, and never the truth',
  },
  {
    fault: 'overrun',
    seconds: 2.5,
    expect: 'invalidations lost with an output buffer leave nothing old behind',
  },
  { fault: 'restart', seconds: 3, expect: 'a Redis that comes back empty leaves nothing old behind' },
];

for (const { fault, seconds, replicas = 2, expect } of RUNS) {
  test(`${fault}: ${expect}`, async (t) => {
    // On a frozen Redis readers are told by marks.
    const lesser = fault === 'none' || fault === 'frozen' ? 0 : 1;
    const report = await runApart({ fault, seconds, replicas, seed: 1, enough: { ...ENOUGH, lesser } });
    t.diagnostic(figures(report));
    assert.deepEqual(report.violations.slice(0, 5), []);
    assert.ok(fault === 'none' || report.events > 0, 'the fault must have struck');
    assert.ok(
      report.reads >= ENOUGH.reads &&
        report.acknowledged >= ENOUGH.changes &&
        report.pushes >= ENOUGH.changes,
      figures(report),
    );
    if (fault === 'none') assert.equal(report.lesser + report.marked, 0);
    else assert.ok(report.lesser >= lesser, 'readers must have been told');
  });
}

function figures({ violations, ...counts }: Report): string {
  return JSON.stringify({ ...counts, violations: violations.length });
}
