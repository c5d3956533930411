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

/** A server of `serviceRate` on a whole core, and of a proportional rate on a share of a core. */
function instanceOf(serviceRate: number, canLimit: boolean) {
  const shares: number[] = [];
  let measure: Measure<string> = simulated({ serviceRate, ceiling: CEILING });
  const instance: Pick<Instance, 'measure' | 'redisConnections' | 'redisCommandsPerRequest' | 'limitCpu'> = {
    measure: (scenario, rate, seconds) => measure(scenario.name, rate, seconds),
    redisConnections: async () => 3,
    redisCommandsPerRequest: () => 0,
    limitCpu: (share) => {
      shares.push(share);
      measure = simulated({ serviceRate: serviceRate * share, ceiling: CEILING });
      return canLimit;
    },
  };
  return { instance, shares };
}

test('a server faster than the generator is limited to less of its core until the server is the limit', async () => {
  const { instance, shares } = instanceOf(80_000, true);
  const { capacity } = await capacityOf(SCENARIO, instance, SEARCH);
  assert.deepEqual(shares, [0.5, 0.25]);
  assert.equal(capacity.serverShare, 0.25);
  assert.equal(capacity.knee.limit, 'server');
  assert.ok(Math.abs(capacity.knee.median / kneeOf(20_000) - 1) <= SEARCH.resolution);
});

test('a server that is the limit with a whole core is not limited', async () => {
  const { instance, shares } = instanceOf(20_000, true);
  const { capacity } = await capacityOf(SCENARIO, instance, SEARCH);
  assert.deepEqual([shares, capacity.serverShare, capacity.knee.limit], [[], 1, 'server']);
});

test('without CPU limits the result is a lower bound', async () => {
  const { instance } = instanceOf(80_000, false);
  const { capacity } = await capacityOf(SCENARIO, instance, SEARCH);
  assert.deepEqual([capacity.serverShare, capacity.knee.limit], [1, 'generator']);
});

test('a requested share without CPU limits is an error', async () => {
  const { instance } = instanceOf(80_000, false);
  await assert.rejects(capacityOf(SCENARIO, instance, SEARCH, [0.3]), /cannot limit the CPU of a process/);
});
