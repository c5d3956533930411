/** Keys that a socket registers once, and then asks for by id. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { put } from '../support/client.ts';
import { redisFor, replicaFor, standaloneFor } from '../support/services.ts';
import { tokensFile } from '../support/tokens.ts';
import { JSON_PROTOCOL, type Message, MSGPACK_PROTOCOL, type WsClient, wsFor } from '../support/ws-client.ts';

const PACKED = { protocol: MSGPACK_PROTOCOL };
const names = (count: number, head = 'a') => Array.from({ length: count }, (_, i) => `${head}:${i}`);
/** Two requests may see two seconds. */
const withoutTtl = ({ ttl: _, ...rest }: Message) => rest;

const valuesOf = ({ results }: Message) =>
  results.map(({ key, value, status }: Message) => [key, value ?? status]);

test('an mget by ids has the results of an mget by keys, from L1 and from Redis, in both subprotocols', async (t) => {
  const redis = await redisFor(t);
  const service = await replicaFor(t, redis);
  const keys = names(300, 'borrow_rate');
  for (const key of [keys[0]!, keys[127]!, keys[255]!, keys[299]!]) await put(service, key, `"${key}"`);
  for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL]) {
    const ws = await wsFor(t, service, { protocol });
    const { first, registered } = await ws.request('register', { keys });
    assert.deepEqual([first, registered], [0, 300]);
    const ids = [299, 0, 1, 127, 128, 255, 256, 0];
    for (const _ of ['from Redis', 'from L1']) {
      const byIds = await ws.request('mget', { ids });
      assert.deepEqual(
        valuesOf(byIds),
        ids.map((id) => [keys[id], [0, 127, 255, 299].includes(id) ? keys[id] : 'miss']),
      );
      const byKeys = await ws.request('mget', { keys: ids.map((id) => keys[id]) });
      assert.deepEqual(byIds.results.map(withoutTtl), byKeys.results.map(withoutTtl));
    }
  }
});

test('ids continue with each register, begin again after unregister, and belong to one socket', async (t) => {
  const service = await standaloneFor(t);
  const [ws, other] = [await wsFor(t, service, PACKED), await wsFor(t, service, PACKED)];
  assert.equal((await ws.request('register', { keys: ['a', 'b'] })).first, 0);
  assert.equal((await ws.request('register', { keys: ['b', 'c'] })).first, 2);
  assert.deepEqual(
    valuesOf(await ws.request('mget', { ids: [3, 2, 1] })).map(([key]: [string]) => key),
    ['c', 'b', 'b'],
  );
  assert.equal((await other.request('mget', { ids: [0] })).code, 'frame_invalid');
  assert.equal((await ws.request('unregister')).unregistered, 4);
  assert.equal((await ws.request('mget', { ids: [0] })).code, 'frame_invalid');
  assert.equal((await ws.request('register', { keys: ['d'] })).first, 0);
  assert.deepEqual(valuesOf(await ws.request('mget', { ids: [0] })), [['d', 'miss']]);
});

test('pipelined register requests with first never give the ids of a refused one to other keys', async (t) => {
  const tokens = tokensFile({
    all: { scopes: ['read', 'write'] },
    slow: { scopes: ['read'], limits: { requestsPerSecond: 1 } },
  });
  t.after(() => tokens.remove());
  const service = await standaloneFor(t, {
    ...{ WS_MAX_NAMES: '5', MAX_BATCH_KEYS: '10', AUTH_TOKENS_FILE: tokens.path },
  });
  for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL]) {
    const ws = await wsFor(t, service, { protocol, headers: tokens.bearer('all') });
    const pipelined = (first: Message, second: Message) =>
      Promise.all([
        ws.request('register', { keys: names(6, 'many'), ...first }),
        ws.request('register', { keys: names(2), ...second }),
        ws.request('mget', { ids: [0] }),
      ]);
    const [refused, shifted, values] = await pipelined({ first: 0 }, { first: 6 });
    assert.equal(refused.code, 'too_many_subscriptions');
    assert.deepEqual([shifted.code, shifted.field], ['frame_invalid', 'first']);
    assert.deepEqual([values.code, values.field], ['frame_invalid', 'ids[0]']);
    // Without `first`, the id 0 is a key that the client did not mean.
    const [, unexpected, others] = await pipelined({}, {});
    assert.equal(unexpected.first, 0);
    assert.equal(others.results[0].key, 'a:0');
  }

  const slow = await wsFor(t, service, { ...PACKED, headers: tokens.bearer('slow') });
  const register = (first: number) => slow.request('register', { keys: [`rated:${first}`], first });
  const [allowed, limited] = await Promise.all([register(0), register(1)]);
  assert.deepEqual([allowed.first, limited.code], [0, 'rate_limited']);
  const later = await until(async () => {
    const answer = await register(2);
    return answer.code === 'rate_limited' ? undefined : answer;
  });
  assert.deepEqual([later.code, later.field], ['frame_invalid', 'first']);
});

test('an id that is not registered or not an integer is frame_invalid, and field names it', async (t) => {
  const service = await standaloneFor(t);
  for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL]) {
    const ws = await wsFor(t, service, { protocol });
    await ws.request('register', { keys: ['a', 'b'] });
    for (const id of [2, -1, 0.5, '0', 'length', null, [0], 2 ** 40]) {
      const { code, field } = await ws.request('mget', { ids: [1, id] });
      assert.deepEqual([code, field], ['frame_invalid', 'ids[1]'], JSON.stringify(id));
    }
    assert.equal((await ws.request('mget', { ids: 0 })).field, 'ids');
    assert.equal((await ws.request('mget', { ids: [0], keys: ['a'] })).field, 'ids');
    assert.deepEqual((await ws.request('mget', { ids: [] })).results, []);
  }
});

test('a register request without keys, or with an invalid key, registers nothing', async (t) => {
  const service = await standaloneFor(t, { MAX_KEY_BYTES: '20' });
  const ws = await wsFor(t, service, PACKED);
  assert.equal((await ws.request('register', { keys: [] })).code, 'frame_invalid');
  const { code, field } = await ws.request('register', { keys: ['a', 'x'.repeat(21)] });
  assert.deepEqual([code, field], ['key_invalid', 'keys[1]']);
  assert.equal((await ws.request('register', { keys: ['b'] })).first, 0);
});

test('registered keys count as names, until they are unregistered or their socket closes', async (t) => {
  const service = await standaloneFor(t, {
    ...{ WS_MAX_NAMES: '10', WS_MAX_NAME_BYTES: '100', WS_MAX_TOTAL_NAMES: '12' },
    MAX_BATCH_KEYS: '10',
  });
  const [ws, other] = [await wsFor(t, service, PACKED), await wsFor(t, service, PACKED)];
  const code = async (socket: WsClient, keys: string[]) => (await socket.request('register', { keys })).code;
  assert.equal(await code(ws, names(11)), 'frame_invalid');
  await ws.subscribe({ keys: names(4) });
  assert.equal(await code(ws, names(7)), 'too_many_subscriptions');
  assert.equal(await code(ws, names(6)), undefined);
  assert.equal((await ws.request('mget', { ids: Array(11).fill(0) })).code, 'frame_invalid');
  assert.equal(await code(other, names(3)), 'too_many_subscriptions');
  await ws.request('unregister');
  assert.equal(await code(other, names(3)), undefined);
  assert.equal(await code(ws, ['x'.repeat(90)]), 'too_many_subscriptions');
  assert.equal(await code(ws, names(5)), undefined);
  await other.close();
  const third = await wsFor(t, service, PACKED);
  assert.equal(await code(third, names(3)), undefined);
});

test('a token must allow the keys when they are registered, and so must a later token', async (t) => {
  const tokens = tokensFile({
    all: { scopes: ['read', 'write'] },
    rates: { scopes: ['read'], prefixes: ['borrow_rate:'] },
    writer: { scopes: ['write'] },
  });
  t.after(() => tokens.remove());
  const service = await standaloneFor(t, { AUTH_TOKENS_FILE: tokens.path });
  const auth = (ws: WsClient, name: string) => ws.request('auth', { token: tokens.tokens[name] });
  const rates = await wsFor(t, service, { ...PACKED, headers: tokens.bearer('rates') });
  const refused = await rates.request('register', { keys: ['borrow_rate:A', 'volatility:A'] });
  assert.equal(refused.code, 'forbidden');
  assert.equal((await rates.request('register', { keys: ['borrow_rate:A'] })).first, 0);

  const ws = await wsFor(t, service, { ...PACKED, headers: tokens.bearer('all') });
  await ws.request('register', { keys: ['borrow_rate:A', 'volatility:A'] });
  assert.equal((await auth(ws, 'rates')).code, 'forbidden');
  assert.equal((await ws.request('mget', { ids: [1] })).ok, true, 'the old token stays in use');
  assert.equal((await auth(ws, 'writer')).ok, true);
  assert.equal((await ws.request('mget', { ids: [1] })).code, 'forbidden', 'without the scope read');
  await ws.request('unregister');
  assert.equal((await auth(ws, 'rates')).ok, true);
});
