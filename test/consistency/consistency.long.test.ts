import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApart } from './apart.ts';
import type { Report, Topology } from './check.ts';
import { type Fault, isClientFault } from './faults.ts';

// Runs each fault for a few seconds. `run.ts` is the longer run.

/** Minimum for a meaningful check. On a busy machine a run continues until it reaches these counts. */
const ENOUGH = { reads: 1000, changes: 100, nearHits: 100 };

interface Run {
  readonly fault: Fault;
  readonly seconds: number;
  readonly replicas?: number;
  readonly topology?: Topology;
  readonly expect: string;
}

const RUNS: readonly Run[] = [
  {
    fault: 'none',
    seconds: 2,
    replicas: 3,
    expect: 'without a fault, an old value is served only while the message about the change is in transit',
  },
  { fault: 'link-killed', seconds: 2.5, expect: 'after a killed link, every write reaches every replica' },
  {
    fault: 'data-killed',
    seconds: 2.5,
    expect: 'after a killed data connection, answers are marked until it is connected again',
  },
  { fault: 'frozen', seconds: 3.5, expect: 'after Redis was frozen, no replica serves an old value' },
  {
    fault: 'half-open',
    seconds: 4,
    expect: 'with a half-open link, a replica serves old values no longer than the bound',
  },
  {
    fault: 'slow',
    seconds: 4,
    expect: 'with a round trip to Redis of 120 ms, answers may be marked and are never wrong',
  },
  {
    fault: 'overrun',
    seconds: 2.5,
    expect: 'after an overrun output buffer lost invalidations, no replica serves an old value',
  },
  {
    fault: 'restart',
    seconds: 3,
    expect: 'after Redis restarts without data, no replica serves an old value',
  },
  {
    fault: 'client-frozen',
    seconds: 5,
    expect: 'while connections of near caches are frozen, entries are served no longer than the bound',
  },
  {
    fault: 'client-half-open',
    seconds: 5,
    expect: 'with half-open connections of near caches, entries are served no longer than the bound',
  },
  {
    fault: 'client-reset',
    seconds: 3,
    expect: 'after connections of near caches were reset, no near cache serves an old value',
  },
  {
    fault: 'replica-killed',
    seconds: 4,
    expect: 'after replicas were killed, no near cache serves an old value',
  },
  {
    fault: 'link-killed',
    seconds: 2.5,
    topology: 'cluster',
    expect: 'after a killed link to one master, every write reaches every replica',
  },
  {
    fault: 'failover',
    seconds: 4,
    topology: 'cluster',
    expect: 'while masters hand over to their replicas, no replica serves an old value',
  },
  {
    fault: 'reshard',
    seconds: 4,
    topology: 'cluster',
    expect: 'while slots move between masters, no replica serves an old value',
  },
  {
    fault: 'link-killed',
    seconds: 2.5,
    topology: 'sentinel',
    expect: 'after a killed link to the master, every write reaches every replica',
  },
  {
    fault: 'master-killed',
    seconds: 8,
    topology: 'sentinel',
    expect: 'while Sentinels replace the master and the old one returns, no replica serves an old value',
  },
  {
    fault: 'replica-killed',
    seconds: 4,
    topology: 'cluster',
    expect: 'after replicas were killed, no near cache serves an old value',
  },
  {
    fault: 'client-half-open',
    seconds: 5,
    topology: 'sentinel',
    expect: 'with half-open connections of near caches, entries are served no longer than the bound',
  },
];

for (const { fault, seconds, replicas = 2, topology = 'single', expect } of RUNS) {
  test(`${topology}, ${fault}: ${expect}`, async (t) => {
    // While Redis is frozen, answers are marked and the state may stay coherent.
    // While slots move, every master answers.
    // A fault between replicas and near caches does not affect the replicas.
    const calm = isClientFault(fault) || ['none', 'frozen', 'reshard'].includes(fault);
    const lesser = calm ? 0 : 1;
    const report = await runApart({
      fault,
      seconds,
      replicas,
      topology,
      seed: 1,
      enough: { ...ENOUGH, lesser },
    });
    t.diagnostic(figures(report));
    assert.deepEqual(report.violations.slice(0, 5), []);
    assert.ok(fault === 'none' || report.events > 0, 'the fault must have occurred');
    assert.ok(
      report.reads >= ENOUGH.reads &&
        report.calculations > 0 &&
        report.acknowledged >= ENOUGH.changes &&
        report.nearHits >= ENOUGH.nearHits &&
        report.pushes >= ENOUGH.changes,
      figures(report),
    );
    if (fault === 'none') assert.equal(report.lesser + report.marked, 0);
    else assert.ok(report.lesser >= lesser, 'answers must have shown the lesser state');
    if (isClientFault(fault)) assert.ok(report.nearLosses > 0, 'near caches must have lost connections');
  });
}

function figures({ violations, ...counts }: Report): string {
  return JSON.stringify({ ...counts, violations: violations.length });
}
