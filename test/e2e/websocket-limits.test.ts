/** Limits of what the subscriptions and frames of a socket may cost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { get, put } from '../support/client.ts';
import { redisFor, replicaFor, standaloneFor } from '../support/services.ts';
import { MSGPACK_PROTOCOL, wsFor } from '../support/ws-client.ts';

const names = (count: number, head = 'a') => Array.from({ length: count }, (_, i) => `${head}:${i}`);

test('the names of a socket are limited by number and bytes, and ended subscriptions do not count', async (t) => {
  const service = await standaloneFor(t, { WS_MAX_NAMES: '10', WS_MAX_NAME_BYTES: '100' });
  const ws = await wsFor(t, service);
  await ws.subscribe({ id: 1, keys: names(5), prefixes: ['b'], types: ['volatility'] });
  const refused = await ws.request('subscribe', { id: 2, keys: names(4) });
  assert.deepEqual([refused.code, /at most 10 names/.test(refused.detail)], ['too_many_subscriptions', true]);
  await ws.subscribe({ id: 3, keys: names(3) });
  await ws.request('unsubscribe', { subscription: 1 });
  await ws.subscribe({ id: 4, keys: names(7) });
  await ws.request('unsubscribe');
  await ws.subscribe({ id: 5, prefixes: ['x'.repeat(60)] });
  const long = await ws.request('subscribe', { id: 6, prefixes: ['x'.repeat(41)] });
  assert.deepEqual([long.code, /at most 100 bytes/.test(long.detail)], ['too_many_subscriptions', true]);
  await ws.subscribe({ id: 7, prefixes: ['x'.repeat(40)] });
  assert.equal(await limited(service, 'subscribed_names'), 2);
});

test('the names of all sockets are limited, and those of a closed socket do not count', async (t) => {
  const service = await standaloneFor(t, { WS_MAX_TOTAL_NAMES: '10' });
  const [first, second] = [await wsFor(t, service), await wsFor(t, service)];
  await first.subscribe({ keys: names(6) });
  assert.equal((await second.request('subscribe', { keys: names(5) })).code, 'too_many_subscriptions');
  await first.close();
  await until(async () => (await second.request('subscribe', { keys: names(5) })).ok);
});

test('a prefix longer than a key and an id of more than 128 characters are frame_invalid', async (t) => {
  const service = await standaloneFor(t, { MAX_KEY_BYTES: '20' });
  for (const protocol of [undefined, MSGPACK_PROTOCOL]) {
    const ws = await wsFor(t, service, protocol === undefined ? {} : { protocol });
    await ws.subscribe({ prefixes: ['x'.repeat(20)] });
    const answer = await ws.request('subscribe', { prefixes: ['a', 'x'.repeat(21)] });
    assert.deepEqual([answer.code, answer.field], ['frame_invalid', 'prefixes[1]']);
    await ws.subscribe({ id: 'i'.repeat(128), keys: ['a'] });
    ws.send({ id: 'i'.repeat(129), op: 'subscribe', keys: ['a'] });
    const unnamed = await ws.answerTo(null);
    assert.deepEqual([unnamed.code, unnamed.field], ['frame_invalid', 'id']);
  }
});

test('a large frame is read exactly, and a hostile one is frame_invalid', async (t) => {
  const service = await standaloneFor(t);
  const ws = await wsFor(t, service);
  const value = `[${'-0, 1.0, 12345678901234567890, "\\u00e9é", {"__proto__": 1, "a": 1, "a": 2},\n'.repeat(2_000)}1]`;
  ws.sendRaw(`{"id":1,"op":"set","key":"big:A","value":${value}}`);
  assert.equal((await ws.answerTo(1)).status, 'created');
  assert.equal(await (await get(service, 'big:A')).text(), value);
  for (const frame of ['['.repeat(1_000_000), `{"id":2,"op":"mget","keys":[${'[],'.repeat(500_000)}[]]}`]) {
    ws.sendRaw(frame);
    assert.equal((await ws.answerTo(null)).code, 'frame_invalid');
  }
  const packed = await wsFor(t, service, { protocol: MSGPACK_PROTOCOL });
  packed.sendRaw(Buffer.concat([Buffer.from([0xdd, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(1_000_000, 0x90)]));
  assert.equal((await packed.answerTo(null)).code, 'frame_invalid');
});

test('a subscription to many prefixes scans Redis once, and its snapshot has every key once', async (t) => {
  const redis = await redisFor(t);
  const service = await replicaFor(t, redis);
  const keys = ['p1:a', 'p1:b', 'p22:a', 'p9:a', 'volatility:A'];
  for (const key of [...keys, 'q1:a', 'p:a']) assert.ok((await put(service, key, '1')).ok);
  await redis.cli('EVAL', "for i = 1, 10000 do redis.call('SET', 'foreign:' .. i, '') end", '0');
  const ws = await wsFor(t, service);
  const before = await scans();
  const { items } = await ws.subscribe({
    prefixes: [...names(990, 'none'), 'p1', 'p1:', 'p22', 'p9:'],
    types: ['volatility', 'volatility'],
    values: true,
  });
  assert.deepEqual(items.map(({ key }) => key).sort(), keys);
  const many = (await scans()) - before;
  await ws.subscribe({ prefixes: ['none:'] });
  const one = (await scans()) - before - many;
  assert.ok(many <= 1.5 * one, `${many} calls of SCAN for 1,000 prefixes, ${one} for one`);
  assert.ok((await put(service, 'p22:b', '2')).ok);
  assert.equal((await ws.nextEvent()).key, 'p22:b');

  async function scans(): Promise<number> {
    return Number(/cmdstat_scan:calls=(\d+)/.exec(await redis.cli('INFO', 'commandstats'))?.[1] ?? 0);
  }
});

test('prefixes with a common head of half a character find their keys', async (t) => {
  const redis = await redisFor(t);
  const service = await replicaFor(t, redis);
  // Their first 16-bit units are equal.
  const prefixes = ['😀', '😁', '😂', '😃', '😄'];
  for (const prefix of prefixes) assert.ok((await put(service, `${prefix}:A`, '1')).ok);
  const ws = await wsFor(t, service);
  const { items } = await ws.subscribe({ prefixes });
  assert.deepEqual(
    items.map(({ key }) => key).sort(),
    prefixes.map((prefix) => `${prefix}:A`),
  );
});

async function limited(service: Service, limit: string): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  return Number(new RegExp(`^ratecache_limited_total\\{limit="${limit}"\\} (\\S+)$`, 'm').exec(text)?.[1]);
}
