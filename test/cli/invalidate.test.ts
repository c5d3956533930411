import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { get, put } from '../support/client.ts';
import { healthOf } from './health.ts';

const KEYS = ['borrow_rate:A', 'borrow_rate:B', 'volatility:A', 'event_risk:A', 'calculation:X:1', 'desk:1'];

test('invalidate deletes by key, type or pattern from every replica, and reports how many', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const [asked, other] = await Promise.all([startReplica(redis), startReplica(redis)]);
  t.after(() => Promise.all([asked.stop(), other.stop()]));
  for (const key of KEYS) await put(asked, key, '1');
  for (const key of KEYS) assert.equal((await get(other, key)).status, 200);
  const invalidate = (...args: string[]) => runMain(['invalidate', '--url', asked.url, ...args]);

  const keys = await invalidate('borrow_rate:A', 'borrow_rate:none');
  assert.deepEqual(keys, { code: 0, stdout: '1 invalidated\n', stderr: '' });
  const types = await invalidate('--type', 'volatility', '--type', 'event_risk', '--json');
  assert.deepEqual(types, { code: 0, stdout: '{"invalidated":2}\n', stderr: '' });
  assert.equal((await invalidate('--pattern', 'calculation:X:*')).stdout, '1 invalidated\n');
  for (const key of KEYS) {
    const left = key === 'borrow_rate:B' || key === 'desk:1';
    await until(async () => (await get(other, key)).status === (left ? 200 : 404));
  }
  assert.equal((await invalidate('--pattern', '*')).stdout, '2 invalidated\n');

  await redis.signal('SIGKILL');
  await until(async () => !(await healthOf(asked)).redis.connected);
  const postponed = await invalidate('borrow_rate:B');
  assert.equal(postponed.code, 0);
  assert.equal(
    postponed.stdout,
    '0 invalidated\n1 postponed: applied when Redis is reachable; lost if the service stops first\n',
  );
});

test('invalidate shows the code of an error of the service, and exits 1', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, { MAX_KEY_BYTES: '20' });
  t.after(() => service.stop());
  const url = ['--url', service.url];
  const key = await runMain(['invalidate', ...url, 'borrow_rate:THAT-IS-TOO-LONG']);
  assert.equal(key.code, 1);
  assert.match(key.stderr, /^ratecache: http:\S+ answered 400 key_invalid: .+\n$/);
  const pattern = await runMain(['invalidate', ...url, '--pattern', '', '--json']);
  assert.equal(pattern.code, 1);
  assert.equal(JSON.parse(pattern.stdout).code, 'pattern_invalid');

  const redisItself = await runMain(['invalidate', '--url', `http://127.0.0.1:${redis.port}`, 'a:1']);
  assert.notEqual(redisItself.code, 0);
});

test('invalidate reports a missing argument, and an unreachable service', async () => {
  const nothing = await runMain(['invalidate']);
  assert.deepEqual([nothing.code, nothing.stdout], [64, '']);
  assert.match(nothing.stderr, /expected keys, --type or --pattern/);
  const type = await runMain(['invalidate', '--type', 'rates']);
  assert.equal(type.code, 64);
  assert.match(type.stderr, /borrow_rate, volatility/);
  const url = `http://127.0.0.1:${await freePort()}`;
  const nobody = await runMain(['invalidate', '--url', url, 'a:1']);
  assert.deepEqual(nobody, {
    code: 2,
    stdout: '',
    stderr: `ratecache: cannot reach ${url}: connection refused\n`,
  });
});
