import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { StoreError } from '../../src/cache/store.ts';
import { withDeadline } from '../../src/redis/deadline.ts';
import { LARGE_BYTES } from '../../src/redis/large-keys.ts';
import { Arrivals, followReplies, replied } from '../../src/redis/reply-progress.ts';
import { startConnected } from '../support/redis-connection.ts';

const STEP_MS = 40;
const LONGEST_MS = 2000;
const CHUNK = 65_536;

/** A connection whose received bytes the test sets. */
function connection() {
  const stream = { bytesRead: 0 };
  const redis = Object.assign(new EventEmitter(), { stream }) as unknown as Redis;
  followReplies(redis);
  return {
    redis,
    stream,
    /** Receives a chunk that completes this many replies. */
    read: (bytes: number, replies: number) => {
      stream.bytesRead += bytes;
      for (let i = 0; i < replies; i++) replied(redis);
    },
  };
}

/** A command of this connection that Redis does not answer, under a mocked clock. */
function waiting(t: TestContext, redis: Redis) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const arrivals = new Arrivals(redis);
  let error: StoreError | undefined;
  const never = new Promise<void>(() => {});
  withDeadline(never, STEP_MS, arrivals, LONGEST_MS).catch((cause) => {
    error = cause;
  });
  return {
    arrivals,
    /** Advances the clock by one time-out; returns the error of the command. */
    step: async () => {
      now += STEP_MS;
      t.mock.timers.tick(STEP_MS);
      // The command checks the arrivals one turn of the event loop after the time-out.
      await new Promise((resolve) => setImmediate(resolve));
      return error;
    },
  };
}

test('a command times out if nothing arrives', async (t) => {
  const { redis } = connection();
  const { step, arrivals } = waiting(t, redis);
  assert.ok((await step()) instanceof StoreError);
  assert.equal(arrivals.large, false);
});

test('small replies that keep arriving do not extend the time-out of a command', async (t) => {
  const { redis, read } = connection();
  const { step, arrivals } = waiting(t, redis);
  read(CHUNK, 20);
  assert.equal((await step())?.reason, 'timeout');
  assert.equal(arrivals.large, false);
});

test('a command behind a large reply times out one time-out after that reply completes', async (t) => {
  const { redis, read } = connection();
  const { step } = waiting(t, redis);
  for (let i = 0; i < 10; i++) {
    read(CHUNK, 0);
    assert.equal(await step(), undefined);
  }
  read(CHUNK, 1);
  assert.equal(await step(), undefined, 'the large reply became complete');
  assert.equal((await step())?.reason, 'timeout');
});

test('a large reply that stops arriving does not extend the time-out', async (t) => {
  const { redis, read } = connection();
  const { step, arrivals } = waiting(t, redis);
  read(CHUNK, 0);
  assert.equal(await step(), undefined);
  assert.equal((await step())?.reason, 'timeout');
  assert.equal(arrivals.large, false);
});

test('no command waits longer than two seconds, and a large reply still counts as arriving then', async (t) => {
  const { redis, read } = connection();
  const { step, arrivals } = waiting(t, redis);
  let waitedMs = 0;
  let error: StoreError | undefined;
  while (error === undefined && waitedMs < 2 * LONGEST_MS) {
    read(CHUNK, 0);
    error = await step();
    waitedMs += STEP_MS;
  }
  assert.equal(waitedMs, LONGEST_MS);
  assert.match(error!.message, /within 2000 ms/);
  assert.equal(arrivals.large, true);
});

test('a new socket counts its bytes from zero', async (t) => {
  const { redis, stream, read } = connection();
  read(10 * CHUNK, 1);
  stream.bytesRead = 0;
  redis.emit('connect');
  const { step } = waiting(t, redis);
  read(100, 1);
  assert.equal((await step())?.reason, 'timeout');
});

test('a real reply counts as large from 64 KiB on', async (t) => {
  const { redis } = await startConnected(t);
  const look = async (bytes: number) => {
    await redis.set('k', 'x'.repeat(bytes));
    const arrivals = new Arrivals(redis);
    await redis.get('k');
    return arrivals.look();
  };
  assert.equal(await look(100), false);
  assert.equal(await look(20 * LARGE_BYTES), true);
  assert.equal(await look(100), false);
});
