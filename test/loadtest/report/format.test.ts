import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, errorShare, gateLimits, hitShare } from '../../../loadtest/report/format.ts';
import { terminalTable } from '../../../loadtest/report/table.ts';
import { latencyGate, synthetic } from './synthetic.ts';

test('durations have three digits and a suitable unit', () => {
  assert.deepEqual([0, 41, 999, 1_234, 45_678, 2_050_000].map(duration), [
    '0 µs',
    '41 µs',
    '999 µs',
    '1.23 ms',
    '45.7 ms',
    '2.05 s',
  ]);
  assert.equal(duration(Number.NaN), '–');
});

test('errors are broken, unanswered and refused requests, not misses', () => {
  const run = synthetic();
  const requests = {
    ...run.requests,
    sent: 1_000,
    byStatus: { 200: 900, 404: 50, 503: 47 },
    hits: 0,
    misses: 0,
  };
  assert.equal(errorShare({ ...run, requests }), 0.05);
  assert.ok(Number.isNaN(hitShare({ ...run, requests })));
});

test('a gate shows its limits, with and without a warning', () => {
  const gate = latencyGate('latency p95', 1);
  assert.equal(gateLimits(gate), 'below 50 ms (fails at 100 ms)');
  const { warnAt: _, ...only } = gate;
  assert.equal(gateLimits(only), 'below 100 ms');
});

test('the table has a row per profile, a line per gate that does not pass, and colours only if requested', () => {
  const runs = [
    synthetic({ profile: 'good' }),
    synthetic({ profile: 'bad', gates: [latencyGate('latency p99', 130)] }),
  ];
  const plain = terminalTable(runs, { colour: false });
  assert.match(plain, /│ good .*│ ✓ pass +│/);
  assert.match(plain, /│ bad .*│ ✗ fail +│/);
  assert.match(plain, /✗ fail: bad: latency p99 is 130 ms/);
  assert.ok(!plain.includes('\u001b'));
  assert.ok(terminalTable(runs, { colour: true }).includes('\u001b[31m✗ fail'));
});
