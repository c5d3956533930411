import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { closeWhenSilent } from '../../src/redis/half-open.ts';

const SILENCE_MS = 3000;

/** A connection whose due replies, received bytes and clock the test sets. */
function connected(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const broken: Error[] = [];
  const stream = { bytesRead: 0, destroy: (error: Error) => void broken.push(error) };
  const redis = Object.assign(new EventEmitter(), { stream, commandQueue: { length: 0 } });
  closeWhenSilent(redis as unknown as Redis, SILENCE_MS);
  redis.emit('connect');
  return { redis, stream, broken, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test('a silent connection with a reply due is destroyed at most half a second after the limit', (t) => {
  const { redis, broken, pass } = connected(t);
  pass(499);
  redis.commandQueue.length = 1;
  pass(SILENCE_MS);
  assert.equal(broken.length, 0);
  pass(501);
  assert.match(broken[0]!.message, /sent nothing for 3000 ms/);
});

test('a silent connection is destroyed once', (t) => {
  const { redis, broken, pass } = connected(t);
  redis.commandQueue.length = 1;
  pass(10 * SILENCE_MS);
  assert.equal(broken.length, 1);
});

test('a silent connection without a reply due stays open', (t) => {
  const { broken, pass } = connected(t);
  pass(10 * SILENCE_MS);
  assert.equal(broken.length, 0);
});

test('a connection that receives bytes stays open, though replies are due', (t) => {
  const { redis, stream, broken, pass } = connected(t);
  redis.commandQueue.length = 5;
  for (let i = 0; i < 10; i++) {
    pass(SILENCE_MS - 500);
    stream.bytesRead++;
  }
  assert.equal(broken.length, 0);
});

test('silence counts from the connect, and a closed connection is not checked', (t) => {
  const { redis, broken, pass } = connected(t);
  redis.commandQueue.length = 1;
  pass(SILENCE_MS);
  redis.emit('close');
  pass(SILENCE_MS);
  redis.emit('connect');
  pass(SILENCE_MS);
  assert.equal(broken.length, 0);
  pass(500);
  assert.equal(broken.length, 1);
});
