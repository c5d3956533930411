import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlowRequests } from '../../src/access/slow-requests.ts';
import { recordedLog } from './support.ts';

const REQUEST = { operation: 'GET /v1/cache/{key}', key: 'borrow_rate:A', outcome: '200', ms: 61.23 };

function slowRequests() {
  const recorded = recordedLog('info');
  let time = 5000;
  const slow = new SlowRequests(
    50,
    recorded.log,
    () => 1.26,
    () => time,
  );
  const pass = (ms: number) => {
    time += ms;
  };
  return { slow, pass, ...recorded };
}

test('a slow request names its wait for Redis, if it has waited', () => {
  const { slow, lines } = slowRequests();
  slow.report({ ...REQUEST, redisMs: 58.76 });
  slow.report({ ...REQUEST, redisMs: 0.01 });
  assert.deepEqual(
    lines.map(({ redis_ms: ms }) => ms),
    [58.8, undefined],
  );
});

test('a slow request has one line with its time, the wait for its body and the tiers that were asked', () => {
  const { slow, lines } = slowRequests();
  slow.report({ ...REQUEST, bodyMs: 60, cacheStatus: 'ratecache-l2; hit; ttl=299' });
  assert.equal(lines.length, 1);
  const {
    level,
    msg,
    operation,
    key,
    outcome,
    ms,
    body_ms,
    after_body_ms,
    event_loop_delay_ms,
    cache_status,
  } = lines[0]!;
  assert.deepEqual(
    { level, msg, operation, key, outcome, ms, body_ms, after_body_ms, event_loop_delay_ms, cache_status },
    {
      level: 'warn',
      msg: 'slow request',
      operation: 'GET /v1/cache/{key}',
      key: 'borrow_rate:A',
      outcome: '200',
      ms: 61.2,
      body_ms: 60,
      after_body_ms: 1.2,
      event_loop_delay_ms: 1.3,
      cache_status: 'ratecache-l2; hit; ttl=299',
    },
  );
});

test('at most ten slow requests a second have a line, and the next line counts the others', () => {
  const { slow, pass, lines } = slowRequests();
  for (let i = 0; i < 25; i++) slow.report(REQUEST);
  assert.equal(lines.length, 10);
  pass(1000);
  slow.report(REQUEST);
  slow.report(REQUEST);
  assert.deepEqual(
    lines.slice(10).map(({ left_out }) => left_out),
    [15, undefined],
  );
});
