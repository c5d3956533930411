import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Capacity, planFor } from '../../../loadtest/capacity/capacity.ts';
import { capacityPage } from '../../../loadtest/capacity/html.ts';
import type { Demand, Limits } from '../../../loadtest/capacity/plan.ts';
import { exampleOf } from '../../../loadtest/capacity/record.ts';

const CAPACITY: Capacity = {
  format: 2,
  startedAt: '2026-11-24T08:00:00.000Z',
  machine: { cpu: 'Some <CPU>', cores: 2, kernel: '6.1', node: 'v22.23.3', redis: '7.0.15' },
  seconds: 5,
  resolution: 0.05,
  memory: {
    entries: 100_000,
    valueBytes: 250,
    emptyBytes: 95e6,
    bytesPerEntry: 2_000,
    settledBytesPerEntry: 1_000,
    liveBytesPerEntry: 700,
    heapLimitBytes: 4 * 1024 ** 3,
  },
  scenarios: [
    {
      name: 'l1',
      question: 'How many?',
      serverShare: 0.5,
      knee: { median: 20_000, lowest: 19_000, highest: 21_000, limit: 'generator' },
      steps: [
        { ratePerSecond: 20_000, repeat: 0, outcome: 'holds', p50Us: 300, p95Us: 2_000, p99Us: 9_000 },
        { ratePerSecond: 40_000, repeat: 0, outcome: 'generator', p50Us: 300, p95Us: 2_000, p99Us: 90_000 },
      ],
      cpuPerRequestUs: 16,
      redisCommandsPerRequest: 0.001,
      redisConnections: 3,
      residentBytes: 140e6,
    },
    {
      name: 'l2',
      question: 'How many of Redis?',
      serverShare: 1,
      knee: { median: 0, lowest: 0, highest: 0, limit: 'range' },
      steps: [{ ratePerSecond: 500, repeat: 0, outcome: 'fails', p50Us: 9e6, p95Us: 9e6, p99Us: 9e6 }],
      cpuPerRequestUs: null,
      redisCommandsPerRequest: null,
      redisConnections: 3,
      residentBytes: null,
    },
  ],
};
const DEMAND: Demand = { ratePerSecond: 50_000, headroom: 0.3, spare: 1, entries: 100_000 };
const LIMITS: Limits = {
  cpuCores: 2,
  memoryBytes: 8 * 1024 ** 3,
  processes: 1,
  cpuShare: 0.8,
  memoryShare: 0.7,
  leastReplicas: 3,
  redisMaxConnections: 100,
};
const planned = CAPACITY.scenarios.map((scenario) => ({
  scenario,
  plan: planFor(scenario, CAPACITY.memory, DEMAND, LIMITS),
}));

test('the example has the command, the machine, the knees, and each planned value with its basis', () => {
  const example = exampleOf(CAPACITY, planned, DEMAND, LIMITS, 'make capacity ARGS=--record');
  assert.match(example, /`make capacity ARGS=--record`/);
  assert.match(example, /Measured 2026-11-24 on 2 x Some <CPU>/);
  assert.match(
    example,
    /\| l1 \| 20,000 \| 19,000 to 21,000 \| 50 % of a core \| 40,000 \| the generator: a lower bound \|/,
  );
  assert.match(
    example,
    /\| replicas \| 3 \| extrapolated \|[\s\S]*bound by latency \| 28,000 \| extrapolated \|/,
  );
  assert.match(example, /- The knee is a lower bound/);
  assert.match(example, /\*\*l2\*\*: even the lowest rate failed/);
});

test('the plan uses the resident memory of the service under load', () => {
  assert.equal(planned[0]!.plan!.memoryBytes.value, 140e6 + 100_000 * 2_000);
});

test('the page has a plot for each scenario, and loads nothing', () => {
  const html = capacityPage(CAPACITY, planned, DEMAND, LIMITS);
  const [, json] = /<script type="application\/json" id="data">(.*)<\/script>/.exec(html)!;
  assert.deepEqual(JSON.parse(json!), CAPACITY.scenarios);
  assert.match(html, /id="plot-0"[\s\S]*id="plot-1"/);
  assert.match(html, /Some &lt;CPU&gt;/);
  assert.doesNotMatch(html, /https?:|\bsrc=|<link|@import|url\(/);
});
