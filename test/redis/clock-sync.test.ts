import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { ServiceClock } from '../../src/cache/clock.ts';
import { syncClock } from '../../src/redis/clock-sync.ts';
import { settled } from '../support/gated-store.ts';
import { closed, startConnected } from '../support/redis-connection.ts';

const NOW = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** The events of the clock, in order. */
function watch(t: TestContext, redis: Redis, clock: ServiceClock) {
  const events: string[] = [];
  const stop = syncClock(redis, clock, {
    synced: () => events.push('synced'),
    stepped: (ms) => events.push(`stepped ${Math.round(ms / HOUR_MS)} h`),
    refused: (error) => events.push(`refused ${error.message}`),
    sampled: () => events.push('sampled'),
  });
  t.after(stop);
  return events;
}

/** A service clock whose wall clock is ahead of this machine and of Redis. */
function skewed(ms: number): ServiceClock {
  return new ServiceClock({ monotonic: () => performance.now(), wall: () => Date.now() + ms }, 0);
}

test('a replica whose clock is an hour wrong uses the clock of Redis from the first connection', async (t) => {
  const { redis } = await startConnected(t);
  for (const hours of [1, -1]) {
    const clock = skewed(hours * HOUR_MS);
    const events = watch(t, redis, clock);
    await until(() => clock.synced);
    assert.deepEqual(events, [`stepped ${-hours} h`, 'sampled', 'synced']);
    assert.ok(Math.abs(clock.exact - Date.now()) < 60_000);
  }
});

test('a broken connection makes the clock unknown until the new connection returns the time', async (t) => {
  const { server, redis } = await startConnected(t);
  const clock = skewed(0);
  const events = watch(t, redis, clock);
  await until(() => clock.synced);
  const ended = closed(redis);
  await server.signal('SIGKILL');
  await ended;
  assert.equal(clock.synced, false);
  events.length = 0;
  await server.restart();
  await until(() => clock.synced);
  // Each second there is a sample, also while another waits for its reply.
  assert.deepEqual(events.slice(0, 2), ['sampled', 'synced']);
  assert.deepEqual([...new Set(events)], ['sampled', 'synced']);
});

test('if an ACL forbids TIME, the wall clock is used, and the refusal is reported once', async (t) => {
  const { server, redis } = await startConnected(t);
  await server.cli('ACL', 'SETUSER', 'default', '-time');
  const clock = skewed(0);
  const events = watch(t, redis, clock);
  await until(() => clock.synced);
  assert.match(events.join(), /^refused .*NOPERM.*,sampled,synced$/);
});

/** A Redis that supports only TIME. */
class FakeRedis extends EventEmitter {
  status = 'ready';
  answer: unknown = ['1700000000', '0'];
  asked = 0;

  async time(): Promise<unknown> {
    this.asked++;
    return this.answer;
  }
}

/** A clock and timers under a time that the test advances. */
function mockTime(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const time = { monotonic: 0, wall: NOW };
  const clock = new ServiceClock({ monotonic: () => time.monotonic, wall: () => time.wall }, 0);
  const pass = async (ms: number) => {
    for (let i = 0; i < ms / 1000; i++) {
      time.monotonic += 1000;
      t.mock.timers.tick(1000);
      await settled();
    }
  };
  return { time, clock, pass };
}

test('a doubted clock is read from Redis within a second', async (t) => {
  const { time, clock, pass } = mockTime(t);
  const redis = new FakeRedis();
  redis.answer = [String(NOW / 1000), '0'];
  const events = watch(t, redis as unknown as Redis, clock);
  await settled();
  assert.equal(redis.asked, 1);
  events.length = 0;
  redis.answer = [String((NOW + time.monotonic + HOUR_MS) / 1000), '0'];
  await pass(5000);
  assert.equal(redis.asked, 1);
  clock.doubt();
  await pass(1000);
  assert.deepEqual(events, ['stepped 1 h', 'sampled']);
  await pass(5000);
  assert.equal(redis.asked, 2);
});

test('the clock is read from Redis every minute, and every second while it is unknown', async (t) => {
  const { time, clock, pass } = mockTime(t);
  const redis = new FakeRedis();
  // Invalid answers must not set the clock.
  const nonsense = ['OK', 7, null, [], ['a', 'b'], [1], ['-5', '0']];
  redis.answer = nonsense[0];
  const events = watch(t, redis as unknown as Redis, clock);
  for (const [i, answer] of nonsense.entries()) {
    redis.answer = answer;
    await pass(1000);
    assert.equal(redis.asked, i + 2);
    assert.equal(clock.synced, false, String(answer));
    assert.equal(clock.exact, NOW + time.monotonic);
  }
  assert.deepEqual(events, []);
  redis.answer = [String((NOW + time.monotonic + 1000) / 1000), '0'];
  await pass(1000);
  assert.equal(clock.synced, true);
  const { asked } = redis;
  await pass(59_000);
  assert.equal(redis.asked, asked);
  await pass(1000);
  assert.equal(redis.asked, asked + 1);
});
