import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../src/metrics/counters.ts';
import { FaultLog } from '../../src/redis/fault-log.ts';

const SECOND = 1000;

/** A fault log whose clock the test moves; it looks twice a second, as the service has it. */
function faultLog() {
  const counters = new Counters();
  const told: string[] = [];
  let now = 0;
  const log = new FaultLog({
    counters,
    onBegin: (kind) => told.push(`begin ${kind}`),
    onEnd: (kind, count, ms) => told.push(`end ${kind} ${count} ${ms}`),
    now: () => now,
  });
  return {
    told,
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

test('of an outage with any number of errors there are two lines, the last with how many and how long', () => {
  const { told, fail, succeed, pass } = faultLog();
  pass(10 * SECOND, succeed);
  assert.deepEqual(told, []);
  pass(60 * SECOND, () => {
    for (let i = 0; i < 100; i++) fail('timeout');
  });
  assert.deepEqual(told, ['begin timeout']);
  pass(10 * SECOND, succeed);
  assert.deepEqual(told, ['begin timeout', 'end timeout 12000 59500']);
});

test('a kind that is quiet because nobody asks is not over before Redis has answered somebody', () => {
  const { told, fail, succeed, pass } = faultLog();
  pass(500, () => fail('unavailable'));
  pass(3600 * SECOND);
  assert.deepEqual(told, ['begin unavailable']);
  pass(500, succeed);
  assert.deepEqual(told, ['begin unavailable', 'end unavailable 1 0']);
});

test('an answer of before the last error does not end it', () => {
  const { told, fail, succeed, pass } = faultLog();
  pass(500, () => {
    succeed();
    fail('oom');
  });
  pass(30 * SECOND);
  assert.deepEqual(told, ['begin oom']);
});

test('a fault that comes and goes within three seconds is one', () => {
  const { told, fail, succeed, pass } = faultLog();
  for (let i = 0; i < 20; i++) {
    pass(500, () => fail('oom'));
    pass(2 * SECOND, succeed);
  }
  assert.deepEqual(told, ['begin oom']);
  pass(3 * SECOND, succeed);
  assert.equal(told.length, 2);
  assert.match(told[1]!, /^end oom 20 /);
});

test('each kind has lines of its own, though others go on', () => {
  const { told, fail, succeed, pass } = faultLog();
  pass(5 * SECOND, () => {
    fail('oom');
    succeed();
  });
  pass(500, () => fail('timeout'));
  pass(10 * SECOND, () => {
    fail('oom');
    succeed();
  });
  assert.deepEqual(told, ['begin oom', 'begin timeout', 'end timeout 1 0']);
});

test('what begins again after its end is told again, and counted from then', () => {
  const { told, fail, succeed, pass } = faultLog();
  for (const count of [3, 2]) {
    for (let i = 0; i < count; i++) fail('readonly');
    pass(500);
    pass(5 * SECOND, succeed);
  }
  assert.deepEqual(told, ['begin readonly', 'end readonly 3 0', 'begin readonly', 'end readonly 2 0']);
});
