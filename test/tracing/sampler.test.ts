import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idsIn, isTraceparent, Sampler } from '../../src/tracing/sampler.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const DRAWS = 20_000;

const traceparent = (flags: string, traceId = TRACE_ID) => `00-${traceId}-${SPAN_ID}-${flags}`;
const SAMPLED = traceparent('01');
const NOT_SAMPLED = traceparent('00');

test('only a valid traceparent is one', () => {
  const valid = [SAMPLED, NOT_SAMPLED, traceparent('ff'), `cc${SAMPLED.slice(2)}-what-comes-later`];
  for (const header of valid) assert.ok(isTraceparent(header), header);
  const invalid = [
    '',
    SAMPLED.slice(1),
    `${SAMPLED}0`,
    `${SAMPLED}-extra`,
    `${SAMPLED}-`,
    SAMPLED.toUpperCase(),
    `ff${SAMPLED.slice(2)}`,
    traceparent('01', '0'.repeat(32)),
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    traceparent('0g'),
    ` ${SAMPLED}`,
  ];
  for (const header of invalid) assert.ok(!isTraceparent(header), header);
  assert.deepEqual(idsIn(SAMPLED), { traceId: TRACE_ID, spanId: SPAN_ID });
});

test('always_on draws every trace, always_off none, and both disregard the flag of the parent', () => {
  const on = new Sampler('always_on', 0);
  const off = new Sampler('always_off', 1);
  for (let i = 0; i < 1000; i++) {
    assert.match(on.draw()!, /^[\da-f]{32}$/);
    assert.equal(off.draw(), undefined);
  }
  assert.ok(on.continues(NOT_SAMPLED));
  assert.ok(!off.continues(SAMPLED));
});

test('the parentbased samplers obey the parent, and draw only for requests without one', () => {
  for (const name of [
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ] as const) {
    const sampler = new Sampler(name, 0.5);
    assert.ok(sampler.continues(SAMPLED));
    assert.ok(sampler.continues(traceparent('03')));
    assert.ok(!sampler.continues(NOT_SAMPLED));
    assert.ok(!sampler.continues(traceparent('02')));
  }
  assert.ok(new Sampler('parentbased_always_on', 0).draw());
  assert.equal(new Sampler('parentbased_always_off', 1).draw(), undefined);
});

test('traceidratio draws its share', () => {
  for (const ratio of [0, 0.01, 0.25, 1]) {
    const sampler = new Sampler('traceidratio', ratio);
    let drawn = 0;
    for (let i = 0; i < DRAWS; i++) if (sampler.draw() !== undefined) drawn++;
    // Six standard deviations: a test in 10^9 fails by chance.
    const spread = 6 * Math.sqrt(DRAWS * ratio * (1 - ratio));
    assert.ok(Math.abs(drawn - DRAWS * ratio) <= spread, `${drawn} of ${DRAWS} at ${ratio}`);
  }
});

test('whoever samples at the same or a higher ratio by the random digits of a trace id samples each drawn trace', () => {
  const rare = new Sampler('traceidratio', 0.1);
  const frequent = new Sampler('traceidratio', 0.3);
  const drawn = new Set<string>();
  for (let i = 0; i < DRAWS; i++) {
    const traceId = rare.draw();
    if (traceId === undefined) continue;
    drawn.add(traceId);
    assert.ok(rare.continues(traceparent('00', traceId)), traceId);
    assert.ok(frequent.continues(traceparent('00', traceId)), traceId);
  }
  assert.ok(drawn.size > 1000, 'the ids differ');
  assert.ok(!frequent.continues(traceparent('01', `${'0'.repeat(31)}1`)));
});
