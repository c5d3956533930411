import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../src/metrics/counters.ts';
import { FaultLog } from '../../src/redis/fault-log.ts';

const SECOND = 1000;

/** A fault log whose clock the test moves. It looks twice a second, as in the service. */
function faultLog() {
  const counters = new Counters();
  const events: string[] = [];
  let now = 0;
  const log = new FaultLog({
    counters,
    onBegin: (kind) => events.push(`begin ${kind}`),
    onEnd: (kind, count, ms) => events.push(`end ${kind} ${count} ${ms}`),
    now: () => now,
  });
  return {
    events,
    fail: (kind: string) => counters.countRedisError(kind),
    succeed: () => counters.redisSeconds.observe(0.001),
    /** @param meanwhile happens before each look */
    pass(ms: number, meanwhile: () => void = () => {}) {
      for (let passed = 0; passed < ms; passed += 500) {
        now += 500;
        meanwhile();
        log.look();
      }
    },
  };
}

test('an outage is reported at its start and at its end, with the count and duration of its errors', () => {
  const { events, fail, succeed, pass } = faultLog();
  pass(10 * SECOND, succeed);
  assert.deepEqual(events, []);
  pass(60 * SECOND, () => {
    for (let i = 0; i < 100; i++) fail('timeout');
  });
  assert.deepEqual(events, ['begin timeout']);
  pass(10 * SECOND, succeed);
  assert.deepEqual(events, ['begin timeout', 'end timeout 12000 59500']);
});

test('a fault without further commands ends only after Redis answers a command', () => {
  const { events, fail, succeed, pass } = faultLog();
  pass(500, () => fail('unavailable'));
  pass(3600 * SECOND);
  assert.deepEqual(events, ['begin unavailable']);
  pass(500, succeed);
  assert.deepEqual(events, ['begin unavailable', 'end unavailable 1 0']);
});

test('an answer before the last error does not end a fault', () => {
  const { events, fail, succeed, pass } = faultLog();
  pass(500, () => {
    succeed();
    fail('oom');
  });
  pass(30 * SECOND);
  assert.deepEqual(events, ['begin oom']);
});

test('errors less than three seconds apart are one fault', () => {
  const { events, fail, succeed, pass } = faultLog();
  for (let i = 0; i < 20; i++) {
    pass(500, () => fail('oom'));
    pass(2 * SECOND, succeed);
  }
  assert.deepEqual(events, ['begin oom']);
  pass(3 * SECOND, succeed);
  assert.equal(events.length, 2);
  assert.match(events[1]!, /^end oom 20 /);
});

test('each kind of fault starts and ends separately', () => {
  const { events, fail, succeed, pass } = faultLog();
  pass(5 * SECOND, () => {
    fail('oom');
    succeed();
  });
  pass(500, () => fail('timeout'));
  pass(10 * SECOND, () => {
    fail('oom');
    succeed();
  });
  assert.deepEqual(events, ['begin oom', 'begin timeout', 'end timeout 1 0']);
});

test('a fault that starts again is reported again and counted from zero', () => {
  const { events, fail, succeed, pass } = faultLog();
  for (const count of [3, 2]) {
    for (let i = 0; i < count; i++) fail('readonly');
    pass(500);
    pass(5 * SECOND, succeed);
  }
  assert.deepEqual(events, ['begin readonly', 'end readonly 3 0', 'begin readonly', 'end readonly 2 0']);
});
