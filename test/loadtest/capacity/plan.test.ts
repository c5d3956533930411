import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Demand, type Limits, type Measured, plan } from '../../../loadtest/capacity/plan.ts';

const GIB = 1024 ** 3;
const DEMAND: Demand = { ratePerSecond: 100_000, headroom: 0.3, spare: 1, entries: 100_000 };
const LIMITS: Limits = {
  cpuCores: 2,
  memoryBytes: 8 * GIB,
  processes: 1,
  cpuShare: 0.8,
  memoryShare: 0.7,
  leastReplicas: 3,
  redisMaxConnections: 100,
};
const MEASURED: Measured = {
  kneePerSecond: 40_000,
  kneeIsExtrapolated: false,
  kneeIsLowerBound: false,
  cpuSecondsPerRequest: 20e-6,
  redisCommandsPerRequest: 0.05,
  redisConnections: 3,
  memory: {
    emptyBytes: 100e6,
    bytesPerEntry: 500,
    liveBytesPerEntry: 400,
    heapLimitBytes: 4 * GIB,
    valueBytes: 200,
    entries: 100_000,
  },
};

test('replicas serve the rate without the headroom, and one may be missing', () => {
  const { usablePerReplica, boundBy, replicas, problems } = plan(DEMAND, LIMITS, MEASURED);
  assert.deepEqual(usablePerReplica, { value: 28_000, basis: 'measured' });
  assert.equal(boundBy, 'latency');
  // 100,000 / 28,000 are 4 replicas, and one spare.
  assert.deepEqual(replicas, { value: 5, basis: 'extrapolated' });
  assert.deepEqual(problems, []);
});

test('a knee measured with a share of a core is extrapolated to a core', () => {
  const { usablePerReplica } = plan(DEMAND, LIMITS, { ...MEASURED, kneeIsExtrapolated: true });
  assert.deepEqual(usablePerReplica, { value: 28_000, basis: 'extrapolated' });
});

test('80 % CPU is the limit if it is reached before the knee', () => {
  const busy = plan({ ...DEMAND, headroom: 0 }, LIMITS, { ...MEASURED, cpuSecondsPerRequest: 40e-6 });
  assert.equal(busy.boundBy, 'cpu');
  assert.deepEqual(busy.usablePerReplica, { value: 20_000, basis: 'extrapolated' });
});

test('a second process on the other core doubles the rate of a replica, extrapolated', () => {
  const { usablePerReplica } = plan(DEMAND, { ...LIMITS, processes: 2 }, MEASURED);
  assert.deepEqual(usablePerReplica, { value: 56_000, basis: 'extrapolated' });
});

test('more processes than cores add nothing to the rate', () => {
  assert.equal(plan(DEMAND, { ...LIMITS, processes: 4 }, MEASURED).usablePerReplica.value, 56_000);
});

test('the CPU of a replica is that without the spare replica', () => {
  const { cpuShare } = plan(DEMAND, LIMITS, MEASURED);
  // 25,000/s x 20 us of 2 cores.
  assert.deepEqual(cpuShare, { value: 0.25, basis: 'extrapolated' });
});

test('a plan never has fewer replicas than the Deployment', () => {
  assert.equal(plan({ ...DEMAND, ratePerSecond: 10 }, LIMITS, MEASURED).replicas.value, 3);
});

test('memory is the sum of process and entries, measured separately, so it is extrapolated', () => {
  assert.deepEqual(plan(DEMAND, LIMITS, MEASURED).memoryBytes, { value: 150e6, basis: 'extrapolated' });
  const two = plan({ ...DEMAND, entries: 1_000_000 }, { ...LIMITS, processes: 2 }, MEASURED);
  assert.equal(two.memoryBytes.value, 1_200e6);
});

test('entries above 70 % of the memory are a problem that replicas do not solve', () => {
  const { problems, mostEntries } = plan({ ...DEMAND, entries: 20_000_000 }, LIMITS, MEASURED);
  assert.equal(mostEntries.value, Math.floor((8 * GIB * 0.7 - 100e6) / 500));
  assert.match(problems.join(), /above 70 %: at most 11825.* fit\. More replicas do not help/);
});

test('entries above 70 % of V8’s heap need a larger heap limit, whatever the memory limit is', () => {
  const { problems } = plan({ ...DEMAND, entries: 9_000_000 }, LIMITS, MEASURED);
  assert.match(
    problems.join(),
    /84 % of V8's heap limit: start the service with --max-old-space-size=4905\./,
  );
});

test('the connections that 8.4 allows are compared with those that a process uses', () => {
  assert.deepEqual(plan(DEMAND, LIMITS, MEASURED).connections, {
    allowed: { value: 20, basis: 'given' },
    used: { value: 3, basis: 'measured' },
  });
  const { problems } = plan({ ...DEMAND, ratePerSecond: 1_200_000 }, LIMITS, MEASURED);
  assert.match(
    problems.join(),
    /allows 2 connections for each replica, which uses 3: raise REDIS_MAX_CONNECTIONS to 132 or more/,
  );
});

test('Redis receives the commands of all replicas together', () => {
  assert.equal(plan(DEMAND, LIMITS, MEASURED).redisCommandsPerSecond!.value, 5_000);
});

test('without Redis and without a known CPU the plan leaves them out', () => {
  const unknown = { cpuSecondsPerRequest: null, redisCommandsPerRequest: null, redisConnections: null };
  const { cpuShare, redisCommandsPerSecond, connections, boundBy } = plan(DEMAND, LIMITS, {
    ...MEASURED,
    ...unknown,
  });
  assert.deepEqual([cpuShare, redisCommandsPerSecond, connections, boundBy], [null, null, null, 'latency']);
});

test('a knee that the generator ended is a lower bound', () => {
  const { problems } = plan(DEMAND, LIMITS, { ...MEASURED, kneeIsLowerBound: true });
  assert.match(problems.join(), /lower bound/);
});

test('invalid values are refused', () => {
  assert.throws(() => plan({ ...DEMAND, headroom: 1 }, LIMITS, MEASURED), RangeError);
  assert.throws(() => plan({ ...DEMAND, ratePerSecond: 0 }, LIMITS, MEASURED), RangeError);
  assert.throws(() => plan(DEMAND, LIMITS, { ...MEASURED, kneePerSecond: 0 }), RangeError);
});
