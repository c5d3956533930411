import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capacityOf } from '../../../loadtest/capacity/capacity.ts';
import type { Instance } from '../../../loadtest/capacity/instance.ts';
import { SCENARIOS } from '../../../loadtest/capacity/scenarios.ts';
import type { Measure } from '../../../loadtest/capacity/search.ts';
import { kneeOf, simulated } from './simulated.ts';

const SCENARIO = SCENARIOS[0]!;
const SEARCH = { seconds: 5, resolution: 0.05, repeats: 2, minRate: 100, maxRate: 1_000_000 };
const CEILING = 30_000;

/** A server of `serviceRate` on a whole core, and of so much less on a share of one. */
function instanceOf(serviceRate: number, holds: boolean) {
  const shares: number[] = [];
  let measure: Measure<string> = simulated({ serviceRate, ceiling: CEILING });
  const instance: Pick<Instance, 'measure' | 'redisConnections' | 'redisCommandsPerRequest' | 'hold'> = {
    measure: (scenario, rate, seconds) => measure(scenario.name, rate, seconds),
    redisConnections: async () => 3,
    redisCommandsPerRequest: () => 0,
    hold: (share) => {
      shares.push(share);
      measure = simulated({ serviceRate: serviceRate * share, ceiling: CEILING });
      return holds;
    },
  };
  return { instance, shares };
}

test('a server that outruns the generator is held to less of its core until it is the limit', async () => {
  const { instance, shares } = instanceOf(80_000, true);
  const { capacity } = await capacityOf(SCENARIO, instance, SEARCH);
  assert.deepEqual(shares, [0.5, 0.25]);
  assert.equal(capacity.serverShare, 0.25);
  assert.equal(capacity.knee.limit, 'server');
  assert.ok(Math.abs(capacity.knee.median / kneeOf(20_000) - 1) <= SEARCH.resolution);
});

test('a server that is the limit with a whole core keeps it', async () => {
  const { instance, shares } = instanceOf(20_000, true);
  const { capacity } = await capacityOf(SCENARIO, instance, SEARCH);
  assert.deepEqual([shares, capacity.serverShare, capacity.knee.limit], [[], 1, 'server']);
});

test('where no process can be held to a share, the lower bound stands', async () => {
  const { instance } = instanceOf(80_000, false);
  const { capacity } = await capacityOf(SCENARIO, instance, SEARCH);
  assert.deepEqual([capacity.serverShare, capacity.knee.limit], [1, 'generator']);
});

test('a share that was asked for and cannot be had is an error', async () => {
  const { instance } = instanceOf(80_000, false);
  await assert.rejects(capacityOf(SCENARIO, instance, SEARCH, [0.3]), /holds no process to a share/);
});
