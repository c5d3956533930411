import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { ServiceClock } from '../../src/cache/clock.ts';
import { syncClock } from '../../src/redis/clock-sync.ts';
import { settled } from '../support/gated-store.ts';
import { startConnected } from '../support/redis-connection.ts';

const NOW = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** What becomes of the clock, in order. */
function watch(t: TestContext, redis: Redis, clock: ServiceClock) {
  const told: string[] = [];
  const stop = syncClock(redis, clock, {
    synced: () => told.push('synced'),
    stepped: (ms) => told.push(`stepped ${Math.round(ms / HOUR_MS)} h`),
    refused: (error) => told.push(`refused ${error.message}`),
    sampled: () => told.push('sampled'),
  });
  t.after(stop);
  return told;
}

/** A clock whose wall clock is ahead of this machine's, whose clock is Redis's as well. */
function skewed(ms: number): ServiceClock {
  return new ServiceClock({ monotonic: () => performance.now(), wall: () => Date.now() + ms }, 0);
}

test('a replica whose clock is an hour off lives by the clock of Redis from its first connection on', async (t) => {
  const { redis } = await startConnected(t);
  for (const hours of [1, -1]) {
    const clock = skewed(hours * HOUR_MS);
    const told = watch(t, redis, clock);
    await until(() => clock.synced);
    assert.deepEqual(told, [`stepped ${-hours} h`, 'sampled', 'synced']);
    assert.ok(Math.abs(clock.exact - Date.now()) < 60_000);
  }
});

test('a new connection is asked again before it is used, and a broken one makes the clock unknown', async (t) => {
  const { server, redis } = await startConnected(t);
  const clock = skewed(0);
  const told = watch(t, redis, clock);
  await until(() => clock.synced);
  const closed = once(redis, 'close');
  await server.signal('SIGKILL');
  await closed;
  assert.equal(clock.synced, false);
  told.length = 0;
  await server.restart();
  await until(() => clock.synced);
  assert.deepEqual(told, ['sampled', 'synced']);
});

test('where an ACL forbids TIME the wall clock is used, and that is reported once a connection', async (t) => {
  const { server, redis } = await startConnected(t);
  await server.cli('ACL', 'SETUSER', 'default', '-time');
  const clock = skewed(0);
  const told = watch(t, redis, clock);
  await until(() => clock.synced);
  assert.match(told.join(), /^refused .*NOPERM.*,sampled,synced$/);
});

/** A Redis of which only the time is asked. */
class FakeRedis extends EventEmitter {
  status = 'ready';
  answer: unknown = ['1700000000', '0'];
  asked = 0;

  async time(): Promise<unknown> {
    this.asked++;
    return this.answer;
  }
}

/** A clock, and how time passes for it and for timers. */
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

test('a clock that an answer of Redis contradicts is set within a second', async (t) => {
  const { time, clock, pass } = mockTime(t);
  const redis = new FakeRedis();
  redis.answer = [String(NOW / 1000), '0'];
  const told = watch(t, redis as unknown as Redis, clock);
  await settled();
  assert.equal(redis.asked, 1);
  told.length = 0;
  redis.answer = [String((NOW + time.monotonic + HOUR_MS) / 1000), '0'];
  await pass(5000);
  assert.equal(redis.asked, 1);
  clock.doubt();
  await pass(1000);
  assert.deepEqual(told, ['stepped 1 h', 'sampled']);
  await pass(5000);
  assert.equal(redis.asked, 2);
});

test('the time is asked for once a minute, and every second while it is not known', async (t) => {
  const { time, clock, pass } = mockTime(t);
  const redis = new FakeRedis();
  // What no Redis answers: the clock must not be set by it.
  const nonsense = ['OK', 7, null, [], ['a', 'b'], [1], ['-5', '0']];
  redis.answer = nonsense[0];
  const told = watch(t, redis as unknown as Redis, clock);
  for (const [i, answer] of nonsense.entries()) {
    redis.answer = answer;
    await pass(1000);
    assert.equal(redis.asked, i + 2);
    assert.equal(clock.synced, false, String(answer));
    assert.equal(clock.exact, NOW + time.monotonic);
  }
  assert.deepEqual(told, []);
  redis.answer = [String((NOW + time.monotonic + 1000) / 1000), '0'];
  await pass(1000);
  assert.equal(clock.synced, true);
  const { asked } = redis;
  await pass(59_000);
  assert.equal(redis.asked, asked);
  await pass(1000);
  assert.equal(redis.asked, asked + 1);
});
