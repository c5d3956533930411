import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  findKnee,
  finestResolution,
  type SearchOptions,
  type Step,
} from '../../../loadtest/capacity/search.ts';
import { kneeOf, simulated } from './simulated.ts';

const OPTIONS: SearchOptions = {
  startRate: 500,
  minRate: 10,
  maxRate: 1_000_000,
  seconds: 60,
  resolution: 0.02,
  repeats: 1,
};

for (const serviceRate of [700, 2_345, 12_000, 98_765]) {
  test(`finds the knee of a server of ${serviceRate}/s to the resolution`, async () => {
    const knee = await findKnee(simulated({ serviceRate }), 'simulated', OPTIONS);
    const true_ = kneeOf(serviceRate);
    assert.equal(knee.limit, 'server');
    assert.ok(knee.median <= true_, `${knee.median} exceeds ${true_}`);
    assert.ok(knee.median * (1 + OPTIONS.resolution) >= true_, `${knee.median} is far under ${true_}`);
  });
}

test('finds a knee below the start rate', async () => {
  const knee = await findKnee(simulated({ serviceRate: 300 }), 'simulated', { ...OPTIONS, startRate: 8_000 });
  assert.ok(Math.abs(knee.median / kneeOf(300) - 1) <= OPTIONS.resolution);
});

test('with noise and disturbances the median of five searches is near the knee, and the range contains it', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const measure = simulated({ serviceRate: 12_000, noise: 0.3, hiccups: 0.1, seed });
    const knee = await findKnee(measure, 'simulated', { ...OPTIONS, repeats: 5 });
    assert.equal(knee.limit, 'server');
    assert.ok(Math.abs(knee.median / kneeOf(12_000) - 1) < 0.05, `seed ${seed}: ${knee.median}`);
    assert.ok(knee.lowest <= knee.median && knee.median <= knee.highest);
  }
});

test('one disturbance does not end a search: a failed step is repeated', async () => {
  const measure = simulated({ serviceRate: 12_000 });
  let calls = 0;
  const hiccup: typeof measure = Object.assign(
    async (scenario: string, rate: number, seconds: number) => {
      const result = await measure(scenario, rate, seconds);
      return ++calls === 2 ? { ...result, verdict: 'fail' as const } : result;
    },
    { calls: 0 },
  );
  const knee = await findKnee(hiccup, 'simulated', OPTIONS);
  assert.ok(Math.abs(knee.median / kneeOf(12_000) - 1) <= OPTIONS.resolution);
});

test('reports that the generator was the limit, and the reached rate as a lower bound', async () => {
  const knee = await findKnee(simulated({ serviceRate: 100_000, ceiling: 20_000 }), 'simulated', OPTIONS);
  assert.equal(knee.limit, 'generator');
  assert.ok(knee.median <= 20_000 && knee.median > 19_000);
});

test('one repeat that the generator ended makes the result a lower bound', async () => {
  const fast = simulated({ serviceRate: 100_000, ceiling: 20_000 });
  const slow = simulated({ serviceRate: 10_000 });
  let last = 0;
  const steps: Step[] = [];
  const knee = await findKnee(
    async (scenario: string, rate: number, seconds: number) => {
      last = steps.length;
      return (steps.at(-1)?.repeat ?? 0) === 0 && last < 12
        ? slow(scenario, rate, seconds)
        : fast(scenario, rate, seconds);
    },
    'simulated',
    { ...OPTIONS, repeats: 3, onStep: (step) => steps.push(step) },
  );
  assert.equal(knee.limit, 'generator');
});

test('stops at the highest allowed rate, and reports that', async () => {
  const knee = await findKnee(simulated({ serviceRate: 100_000 }), 'simulated', {
    ...OPTIONS,
    maxRate: 9_000,
  });
  assert.deepEqual([knee.median, knee.limit], [9_000, 'range']);
});

test('stops at the lowest rate, and reports no knee', async () => {
  const measure = simulated({ serviceRate: 50 });
  const knee = await findKnee(measure, 'simulated', { ...OPTIONS, minRate: 100 });
  assert.deepEqual([knee.median, knee.limit], [0, 'range']);
  assert.ok(measure.calls < 20);
});

test('an answer rate below the offered rate fails the step, whatever the latency is', async () => {
  const measure = simulated({ serviceRate: 100_000 });
  const knee = await findKnee(
    async (scenario: string, rate: number, seconds: number) => ({
      ...(await measure(scenario, rate, seconds)),
      throughputPerSecond: Math.min(rate, 3_000),
    }),
    'simulated',
    OPTIONS,
  );
  assert.ok(knee.median > 3_000 && knee.median <= 3_000 / 0.95);
});

test('a search needs some twenty steps for a knee a hundred times the start rate', async () => {
  const measure = simulated({ serviceRate: 50_000 });
  await findKnee(measure, 'simulated', OPTIONS);
  assert.ok(measure.calls <= 25, `${measure.calls} steps`);
});

test('short steps have a coarse resolution', () => {
  assert.equal(finestResolution(1), 0.05);
  assert.equal(finestResolution(10), 0.005);
});
