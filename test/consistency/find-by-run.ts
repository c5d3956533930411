import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MutantName } from '../mutants/index.ts';
import { runWith } from '../mutants/run.ts';
import type { Topology } from './check.ts';
import type { Fault } from './faults.ts';

/** A run of a few seconds: the processes start, and at the end all clients are compared for up to half a minute. */
const TIMEOUT_MS = 180_000;
/** A single run may miss a mutant. */
const MOST_RUNS = 6;
/** On a busy machine a run continues until it has these. */
const READS = 1000;

const VIOLATION = /stale by|went back|at the end|no answer named a lesser state|without a connection/;

/** A mutant that a run with a fault reveals. */
export interface ByRun {
  readonly mutant: MutantName;
  readonly fault: Fault;
  readonly seconds: number;
  readonly topology: Topology;
  /** Subscribers and other readers would tell near caches what these have missed. */
  readonly nearCachesOnly?: boolean;
}

/** Declares the test that a run with the fault finds the mutant. */
export function testByRun({ mutant, fault, seconds, topology, nearCachesOnly = false }: ByRun): void {
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
      '--reads',
      String(READS),
    ];
    // Reads of near caches tell subscribers what these have missed, and so hide the mutants of notifications.
    if (nearCachesOnly) options.push('--near-caches-only');
    else if (fault !== 'client-half-open') options.push('--no-near-caches');
    const run = (seed: number) =>
      runWith(mutant, ['test/consistency/run.ts', ...options, '--seed', String(seed)], TIMEOUT_MS);
    let last = await run(1);
    for (let seed = 2; !VIOLATION.test(last.output) && seed <= MOST_RUNS; seed++) last = await run(seed);
    assert.equal(last.code, 1, last.output);
    assert.match(last.output, VIOLATION);
  });
}
