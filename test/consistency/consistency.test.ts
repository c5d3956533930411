import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Report, runCheck } from './check.ts';
import type { Fault } from './faults.ts';

// A few seconds of each fault; `run.ts` is the longer run.

// Every check has ended by then; a connection that a fault has left half closed must not keep the process.
after(() => setTimeout(() => process.exit(), 3000).unref());

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
  { fault: 'half-open', seconds: 3, expect: 'a half-open link serves old values no longer than the bound' },
  {
    fault: 'overrun',
    seconds: 2.5,
    expect: 'invalidations lost with an output buffer leave nothing old behind',
  },
  { fault: 'restart', seconds: 3, expect: 'a Redis that comes back empty leaves nothing old behind' },
];

for (const { fault, seconds, replicas = 2, expect } of RUNS) {
  test(`${fault}: ${expect}`, async (t) => {
    const report = await runCheck({ fault, seconds, replicas, seed: 1 });
    t.diagnostic(describe(report));
    assert.deepEqual(report.violations.slice(0, 5), []);
    assert.ok(fault === 'none' || report.events > 0, 'the fault must have struck');
    // A check of nothing proves nothing.
    assert.ok(report.reads > 1000 && report.acknowledged > 100 && report.pushes > 100, describe(report));
    if (fault === 'none') assert.equal(report.lesser + report.fallbacks, 0);
    else if (fault !== 'frozen') assert.ok(report.lesser > 0, 'readers must have been told');
  });
}

function describe({ violations, ...figures }: Report): string {
  return JSON.stringify({ ...figures, violations: violations.length });
}
