import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  buildText,
  duration,
  errorShare,
  errorsText,
  gateLimits,
  hitShare,
} from '../../../loadtest/report/format.ts';
import { stepSummary } from '../../../loadtest/report/github.ts';
import { terminalTable } from '../../../loadtest/report/table.ts';
import { gateTable } from '../../../loadtest/terminal/gate-table.ts';
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

test('errors are listed by their cause, most frequent first, on the terminal and in the summary', () => {
  const run = synthetic();
  const byStatus = { 200: 900, 404: 50, 401: 1_200, '200 chunked': 3 };
  const requests = { ...run.requests, byStatus, errors: 0, timeouts: 7 };
  const text = '401: 1,200, timeouts: 7, 200 chunked: 3';
  assert.equal(errorsText(requests), text);
  const gate = {
    gate: 'error rate',
    value: 100,
    unit: '%',
    failAt: 5,
    good: 'below',
    verdict: 'fail',
  } as const;
  const refused = { ...run, requests, gates: [gate] };
  const sentence = `error rate is 100 %, expected below 5 %; ${text}`;
  assert.ok(terminalTable([refused], { colour: false }).includes(sentence));
  assert.ok(stepSummary([refused]).includes(sentence));
  assert.ok(gateTable(refused).endsWith(`\n  errors: ${text}`));
  assert.ok(!gateTable({ ...run, requests: { ...requests, byStatus: {}, timeouts: 0 } }).includes('errors:'));
});

test('a report names the version of a service that ran already', () => {
  const run = { ...synthetic(), target: 'http://10.0.0.7:8000' };
  assert.match(buildText(run), /, against http:\/\/10\.0\.0\.7:8000$/);
  assert.match(buildText({ ...run, service: { version: '1.2.3' } }), /:8000, version 1\.2\.3$/);
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
