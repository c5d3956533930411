import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runApart } from './apart.ts';
import type { Report, Topology } from './check.ts';
import { type Fault, isClientFault } from './faults.ts';

/** Minimum for a meaningful check. On a busy machine a run continues until it reaches these counts. */
const ENOUGH = { reads: 1000, changes: 100, nearHits: 100 };

/** A run of a few seconds with a fault. `run.ts` is the longer run. */
export interface Run {
  readonly fault: Fault;
  readonly seconds: number;
  readonly replicas?: number;
  readonly expect: string;
}

/** Declares the test of each run. @param processes of each replica */
export function testRuns(topology: Topology, runs: readonly Run[], processes = 1): void {
  for (const { fault, seconds, replicas = 2, expect } of runs) {
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
        processes,
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
}

function figures({ violations, ...counts }: Report): string {
  return JSON.stringify({ ...counts, violations: violations.length });
}
