import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart } from './apart.ts';
import { check } from './checker.ts';
import { planOf, type Topology } from './plan.ts';
import { reportOn } from './report.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

/** Declares tests of `part` seeds each, so that a failure is reported early. */
export function testSeeds(
  from: number,
  seeds: number,
  topology: Topology = 'single',
  part = 100,
  processes = 1,
): void {
  for (let first = from; first < from + seeds; first += part)
    test(`${topology}, ${processes} at an address: seeds ${first} to ${first + part - 1} break no rule`, async () => {
      for (let seed = first; seed < first + part; seed++) {
        const report = await apart(() => {
          const plan = { ...planOf(seed, topology), processes };
          const [violation] = check(simulate(plan));
          return violation === undefined ? '' : reportOn(shrink(plan, violation.rule));
        });
        assert.equal(
          report,
          '',
          `node test/simulator/run.ts --topology ${topology} --processes ${processes} --seed ${seed}`,
        );
      }
    });
}
