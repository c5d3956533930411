import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, beforeEach, test } from 'node:test';
import { pack } from 'msgpackr';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { bytesOf, del, get, jsonOf, MSGPACK_TYPE, post, put, readIntoL1 } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { assertProblem, assertRawProblem } from '../support/problem.ts';
import { replicasOfFile } from '../support/services.ts';
import { whileFrozen } from '../support/while-frozen.ts';
import {
  connectWs,
  JSON_PROTOCOL,
  type Message,
  MSGPACK_PROTOCOL,
  Refused,
  type WsClient,
  wsFor,
} from '../support/ws-client.ts';

const PREFIX = 'borrow_rate_engine:';
const ENV = {
  LOCAL_CACHE_MAX_SIZE: '5000',
  LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS: '1',
};
const PROTOCOLS = [JSON_PROTOCOL, MSGPACK_PROTOCOL];
const VERSION = /^[0-9a-f]{24}$/;

const {
  redis,
  replicas: [near, far],
} = await replicasOfFile(ENV, ENV);
const alone = await startService({ standalone: true, env: { ...PATIENT, ...ENV } });

beforeEach(async () => {
  await post(alone, '/v1/flush', { tier: 'local' });
});

after(() => alone.stop());

/** Waits until all earlier events of Redis have been pushed to the client. */
async function fence(ws: WsClient, key = `borrow_rate:fence-${Math.random()}`): Promise<void> {
  await redis.cli('SET', PREFIX + key, '{"value": 0, "timestamp": 1}', 'PX', '60000');
  await ws.nextEvent((event) => event.key === key);
}

const about = (key: string) => (event: Message) => event.key === key;

test('every answer carries the id of its request, number or string, in both subprotocols', async (t) => {
  for (const service of [near, alone])
    for (const protocol of PROTOCOLS) {
      const ws = await wsFor(t, service, { protocol });
      assert.equal(ws.protocol, protocol);
      assert.deepEqual(await ws.request('ping', { id: 0 }), { id: 0, ok: true });
      assert.deepEqual(await ws.request('ping', { id: -1.5 }), { id: -1.5, ok: true });
      assert.deepEqual(await ws.request('ping', { id: 'né"\n' }), { id: 'né"\n', ok: true });

      const key = `borrow_rate:${protocol}`;
      const { version, ...created } = await ws.request('set', { id: 's', key, value: { rate: 0.25 } });
      assert.deepEqual(created, { id: 's', ok: true, key, status: 'created' });
      assert.match(version, VERSION);
      const again = await ws.request('set', { key, value: [1, null, 'é'], ttl: 1000 });
      assert.equal(again.status, 'replaced');
      const hit = await ws.request('get', { id: 'g', key });
      const value = [1, null, 'é'];
      const { ttl, ...rest } = hit;
      assert.deepEqual(rest, { id: 'g', ok: true, key, status: 'hit', value, version: again.version });
      assert.ok(ttl > 900 && ttl <= 1000, `${ttl}`);
      assert.deepEqual(await ws.request('get', { id: 'm', key: 'min_rate:none' }), {
        id: 'm',
        ok: true,
        key: 'min_rate:none',
        status: 'miss',
      });
      const { results } = await ws.request('mget', { keys: [key, 'min_rate:none', '', key] });
      assert.deepEqual(
        results.map(({ key, status, code }: Message) => [key, status, code]),
        [
          [key, 'hit', undefined],
          ['min_rate:none', 'miss', undefined],
          ['', 'error', 'key_invalid'],
          [key, 'hit', undefined],
        ],
      );
      assert.deepEqual((await ws.request('mget', { keys: [] })).results, []);

      const refusal = await ws.request('set', { key, value: 1, ifAbsent: true });
      assert.equal(refusal.code, 'precondition_failed');
      assert.equal((await ws.request('set', { key, value: 1, ifVersion: version })).ok, false);
      assert.equal((await ws.request('set', { key, value: 1, ifVersion: again.version })).status, 'replaced');
      assert.equal((await ws.request('delete', { key, ifVersion: again.version })).ok, false);
      assert.deepEqual(await ws.request('delete', { id: 'd', key, ifExists: true }), {
        id: 'd',
        ok: true,
        key,
        status: 'deleted',
      });
      assert.equal((await ws.request('delete', { key })).status, 'absent');

      const { id, items } = await ws.subscribe({ id: 'sub', keys: [key] });
      assert.deepEqual([id, items], ['sub', []]);
      assert.deepEqual(await ws.request('unsubscribe', { id: 'u', subscription: 'sub' }), {
        id: 'u',
        ok: true,
        unsubscribed: 1,
      });
      await ws.subscribe({ id: 1, keys: [key] });
      await ws.subscribe({ id: '1', keys: [key] });
      assert.equal(
        (await ws.request('unsubscribe')).unsubscribed,
        2,
        'unsubscribe without a subscription ends all',
      );
    }
});

test('an id that an answer cannot repeat is rejected, and nothing is written', async (t) => {
  for (const service of [near, alone]) {
    const json = await wsFor(t, service);
    for (const id of ['9007199254740993', '-12345678901234567890', '1e20', '1e999']) {
      const answer = json.answerTo(null);
      json.sendRaw(`{"id":${id},"op":"set","key":"id:BIG","value":1}`);
      assert.deepEqual([(await answer).code, (await answer).field], ['frame_invalid', 'id'], id);
    }
    assert.equal((await json.request('get', { id: 2 ** 53 - 1, key: 'id:BIG' })).status, 'miss');
    const packed = await wsFor(t, service, { protocol: MSGPACK_PROTOCOL });
    const answer = packed.answerTo(null);
    packed.send({ id: 2n ** 64n - 1n, op: 'ping' });
    assert.equal((await answer).code, 'frame_invalid');
    assert.equal((await packed.request('ping', { id: 7 })).ok, true);
  }
});

test('errors carry the codes of HTTP and name the invalid member', async (t) => {
  for (const protocol of PROTOCOLS) {
    const ws = await wsFor(t, near, { protocol });
    const fails = async (op: string, fields: Message, code: string, field?: string) => {
      const { detail, ...answer } = await ws.request(op, { id: 'x', ...fields });
      const named = field === undefined ? {} : { field };
      assert.deepEqual(answer, { id: 'x', ok: false, code, ...named }, `${op} ${JSON.stringify(fields)}`);
      assert.ok(detail.length > 0);
    };
    await fails('nope', {}, 'frame_invalid', 'op');
    await fails('toString', {}, 'frame_invalid', 'op');
    await fails('get', {}, 'frame_invalid', 'key');
    await fails('get', { key: '' }, 'key_invalid', 'key');
    await fails('get', { key: 'a\nb' }, 'key_invalid', 'key');
    await fails('mget', { keys: 'a' }, 'frame_invalid', 'keys');
    await fails('mget', { keys: [1] }, 'frame_invalid', 'keys');
    await fails('mget', { keys: Array(1001).fill('a') }, 'frame_invalid', 'keys');
    await fails('set', { key: 'a:b' }, 'value_invalid', 'value');
    await fails('set', { key: 'a:b', value: 1, ttl: 0 }, 'ttl_invalid', 'ttl');
    await fails('set', { key: 'a:b', value: 1, ttl: '9' }, 'ttl_invalid', 'ttl');
    await fails('set', { key: 'a:b', value: 'x'.repeat(1024 * 1024 + 1) }, 'value_too_large', 'value');
    await fails('set', { key: 'a:b', value: 1, ifVersion: 'x' }, 'frame_invalid', 'ifVersion');
    await fails(
      'set',
      { key: 'a:b', value: 1, ifVersion: 'x', ifAbsent: true },
      'frame_invalid',
      'ifVersion',
    );
    await fails('set', { key: 'a:b', value: 1, ifExists: false }, 'frame_invalid', 'ifExists');
    await fails('delete', { key: 'a:b', ifAbsent: 1 }, 'frame_invalid', 'ifAbsent');
    await fails('set', { key: 'a:b', value: 1, ifExists: true }, 'precondition_failed');
    await fails('subscribe', {}, 'frame_invalid', 'keys');
    await fails('subscribe', { types: ['nope'] }, 'frame_invalid', 'types');
    await fails('subscribe', { prefixes: [''] }, 'frame_invalid', 'prefixes');
    await fails('subscribe', { keys: ['a', 'b\n'] }, 'key_invalid', 'keys[1]');
    await fails('subscribe', { keys: ['a'], values: 1 }, 'frame_invalid', 'values');
    await fails('unsubscribe', { subscription: 'none' }, 'frame_invalid', 'subscription');
    await ws.subscribe({ id: 'taken', keys: ['a'] });
    assert.equal((await ws.request('subscribe', { id: 'taken', keys: ['a'] })).field, 'id');
    assert.equal((await ws.request('ping')).ok, true, 'the socket must stay usable');
  }
});

test('a misspelt condition or an unknown member is rejected and does not overwrite', async (t) => {
  for (const service of [near, alone])
    for (const protocol of PROTOCOLS) {
      const ws = await wsFor(t, service, { protocol });
      const key = `borrow_rate:STRICT-${protocol}`;
      const { version } = await ws.request('set', { key, value: 1 });
      const refused = async (op: string, fields: Message, field: string, hint: RegExp) => {
        const { detail, ...answer } = await ws.request(op, { id: 'x', ...fields });
        assert.deepEqual(answer, { id: 'x', ok: false, code: 'frame_invalid', field }, op);
        assert.match(detail, hint);
      };
      for (const op of ['set', 'delete']) {
        const change = op === 'set' ? { key, value: 2 } : { key };
        await refused(op, { ...change, ifversoin: version }, 'ifversoin', /did you mean "ifVersion"/);
        await refused(op, { ...change, ifExist: true }, 'ifExist', /did you mean "ifExists"/);
        await refused(op, { ...change, ifMatch: version }, 'ifMatch', /known members are id, op, key, /);
        await refused(op, { ...change, TTL: 5 }, 'TTL', op === 'set' ? /did you mean "ttl"/ : /known/);
      }
      await refused('get', { key, keys: [] }, 'keys', /did you mean "key"/);
      await refused(
        'get',
        { key, value: 1 },
        'value',
        /known members are id, op, key, maxAge, minFresh, noCache, onlyIfCached, halted, fallback$/,
      );
      await refused('mget', { keys: [], key }, 'key', /did you mean "keys"/);
      await refused('subscribe', { keys: [key], value: true }, 'value', /did you mean "values"/);
      await refused('unsubscribe', { subscriptoin: 1 }, 'subscriptoin', /did you mean "subscription"/);
      await refused('ping', { constructor: 1 }, 'constructor', /known members are id, op$/);
      const answer = await ws.request('get', { key });
      assert.deepEqual([answer.value, answer.version], [1, version]);
    }
});

test('a subscription follows keys, types and prefixes, with and without values', async (t) => {
  const ws = await wsFor(t, near);
  const bare = await wsFor(t, near);
  const names = { keys: ['x:1'], types: ['volatility'], prefixes: ['min_rate:A'] };
  await put(far, 'x:1', '1');
  await put(far, 'volatility:S', '2');
  await put(far, 'min_rate:AA', '3');
  await put(far, 'min_rate:B', '4');
  const { items } = await ws.subscribe({ ...names, values: true });
  const received = items.map(({ key, value }) => [key, value]).sort();
  assert.deepEqual(received, [
    ['min_rate:AA', 3],
    ['volatility:S', 2],
    ['x:1', 1],
  ]);
  for (const { version } of items) assert.match(version, VERSION);
  const without = (await bare.subscribe(names)).items;
  assert.deepEqual(
    without.map(({ key, version, ttl }) => ({ key, version, ttl })).sort(byKey),
    without.sort(byKey),
  );

  for (const key of ['x:2', 'min_rate:B', 'volatilities:S', 'x:1', 'volatility:NEW', 'min_rate:A'])
    await put(far, key, '9');
  const version = (await get(near, 'min_rate:A')).headers.get('etag')!.slice(1, -1);
  await ws.nextEvent(about('min_rate:A'));
  await bare.nextEvent(about('min_rate:A'));
  assert.deepEqual(
    ws.events.map(({ event, key, value }) => [event, key, value]),
    ['x:1', 'volatility:NEW', 'min_rate:A'].map((key) => ['update', key, 9]),
  );
  assert.equal(ws.events.at(-1)!.version, version);
  assert.deepEqual(
    bare.events,
    ['x:1', 'volatility:NEW', 'min_rate:A'].map((key) => ({ event: 'invalidate', key, reason: 'set' })),
  );
});

test('overlapping subscriptions of a socket push each change once, until the last ends', async (t) => {
  for (const protocol of PROTOCOLS) {
    const ws = await wsFor(t, near, { protocol });
    await ws.subscribe({ id: 1, keys: ['volatility:X', 'volatility:X'], values: true });
    await ws.subscribe({ id: 2, types: ['volatility'] });
    await ws.subscribe({ id: 3, prefixes: ['vol', 'volatility:'] });
    const write = async (value: number) => {
      await put(far, 'volatility:X', String(value));
      return ws.nextEvent();
    };
    assert.equal((await write(1)).value, 1);
    await ws.request('unsubscribe', { subscription: 1 });
    assert.deepEqual(await write(2), { event: 'invalidate', key: 'volatility:X', reason: 'set' });
    await ws.request('unsubscribe', { subscription: 2 });
    assert.equal((await write(3)).event, 'invalidate');
    await ws.request('unsubscribe', { subscription: 3 });
    assert.equal((await ws.request('unsubscribe')).unsubscribed, 0);
    await ws.subscribe({ id: 4, prefixes: ['borrow_rate:fence'] });
    await put(far, 'volatility:X', '4');
    await fence(ws);
    assert.equal(ws.events.length, 4);
    await redis.cli('DEL', `${PREFIX}volatility:X`);
  }
});

test('a snapshot of 3,000 keys arrives in parts, with each key once', async (t) => {
  const keys = Array.from({ length: 3000 }, (_, i) => `x:${i}`);
  for (const service of [near, alone]) {
    for (let i = 0; i < keys.length; i += 1000) {
      const entries = keys.slice(i, i + 1000).map((key) => ({ key, value: key, ttl: 300 }));
      await post(service, '/v1/mset', { entries });
    }
    for (const protocol of PROTOCOLS) {
      const ws = await wsFor(t, service, { protocol });
      const { items, parts } = await ws.subscribe({ prefixes: ['x:'], keys: ['x:7', 'x:8'], values: true });
      assert.ok(parts.length >= 3000 / 500, `${parts.length} parts`);
      for (const { snapshot } of parts) assert.ok(snapshot.length <= 500);
      assert.deepEqual(
        parts.map(({ more }) => more),
        [...parts.slice(1).map(() => true), undefined],
      );
      assert.deepEqual(items.map(({ key }) => key).sort(), keys.toSorted());
      for (const { key, value } of items) assert.equal(value, key);
      assert.deepEqual(ws.events, []);
    }
  }
});

test('parts of a snapshot are also limited by size', async (t) => {
  const value = 'x'.repeat(300_000);
  for (let i = 0; i < 10; i++) await put(near, `x:${i}`, JSON.stringify(value));
  const ws = await wsFor(t, far);
  const { items, parts } = await ws.subscribe({ prefixes: ['x:'], values: true });
  assert.equal(items.length, 10);
  assert.ok(parts.length >= 3, `${parts.length} parts`);
});

test('during writes, snapshot and stream deliver the last version of each key, in order and without duplicates', async (t) => {
  const keys = Array.from({ length: 20 }, (_, i) => `calculation:${i}`);
  let writing = true;
  let written = 0;
  const writer = (async () => {
    while (writing) {
      const service = written % 3 === 0 ? near : far;
      const some = keys.filter((_, i) => (i + written) % 3 !== 0);
      const entries = some.map((key) => ({ key, value: written }));
      assert.equal((await post(service, '/v1/mset', { entries })).status, 200);
      written++;
    }
  })();
  t.after(() => {
    writing = false;
  });
  const clients: WsClient[] = [];
  for (let i = 0; i < 50; i++) {
    const ws = await wsFor(t, i % 2 === 0 ? near : far, { protocol: PROTOCOLS[i % 2]! });
    const named = [{ keys }, { types: ['calculation'] }, { prefixes: ['calc'], keys: keys.slice(5) }];
    await ws.subscribe({ ...named[i % 3], values: true });
    clients.push(ws);
  }
  writing = false;
  await writer;
  const { results } = await jsonOf(await post(near, '/v1/mget', { keys }));
  const last = new Map<string, string>(results.map(({ key, version }: Message) => [key, version]));
  const itemsOf = (ws: WsClient) => {
    const versions = new Map<string, Message[]>(keys.map((key) => [key, []]));
    for (const frame of ws.frames)
      for (const item of frame.snapshot ?? (frame.event === 'update' ? [frame] : []))
        versions.get(item.key)!.push(item);
    return versions;
  };
  for (const [i, ws] of clients.entries()) {
    await until(() => [...itemsOf(ws)].every(([key, items]) => items.at(-1)?.version === last.get(key)));
    for (const [key, items] of itemsOf(ws)) {
      const versions = items.map(({ version }) => version);
      assert.deepEqual(versions, [...new Set(versions)].sort(), `client ${i}, ${key}`);
      const values = items.map(({ value }) => value);
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b),
      );
    }
    assert.deepEqual(
      ws.events.filter(({ event }) => event !== 'update'),
      [],
    );
  }
  assert.ok(written > 50, `${written} rounds were written`);
});

test('a change at any replica or in Redis is pushed at every replica, with its reason', async (t) => {
  // Both replicas read the key again after the notice of a write. A read that finds it deleted cannot know the reason.
  const reread = () => Promise.all([near, far].map(heardAll));
  for (const protocol of PROTOCOLS) {
    const clients = [await wsFor(t, near, { protocol }), await wsFor(t, far, { protocol })];
    for (const ws of clients) await ws.subscribe({ types: ['borrow_rate'], values: true });
    const all = (event: Message) =>
      Promise.all(
        clients.map(async (ws) => {
          const { version, ttl, ...next } = await ws.nextEvent();
          assert.deepEqual(next, event);
        }),
      );
    const key = 'borrow_rate:AAPL';
    await put(far, key, '{"rate":1}');
    await all({ event: 'update', key, value: { rate: 1 } });
    await reread();
    await (await del(far, key)).arrayBuffer();
    await all({ event: 'invalidate', key, reason: 'delete' });
    await redis.cli('SET', PREFIX + key, '{"value": {"rate": 2}, "timestamp": 1}', 'PX', '60000');
    await all({ event: 'update', key, value: { rate: 2 } });
    await redis.cli('DEL', PREFIX + key);
    await all({ event: 'invalidate', key, reason: 'remote' });
    await put(near, key, '3');
    await all({ event: 'update', key, value: 3 });
    await redis.cli('SET', PREFIX + key, 'raw bytes');
    await all({ event: 'invalidate', key, reason: 'remote' });
    await put(near, key, '4', { query: '?ttl=2' });
    await all({ event: 'update', key, value: 4 });
    await all({ event: 'invalidate', key, reason: 'expire' });
    await clients[0]!.request('set', { key, value: 5 });
    await all({ event: 'update', key, value: 5 });
    await reread();
    await clients[1]!.request('delete', { key });
    await all({ event: 'invalidate', key, reason: 'delete' });
  }
});

test('a key that Redis evicts is reported with the reason remote', async (t) => {
  const ws = await wsFor(t, near);
  const keys = Array.from({ length: 200 }, (_, i) => `borrow_rate:${i}`);
  const entries = keys.map((key) => ({ key, value: 'x'.repeat(3000) }));
  await post(far, '/v1/mset', { entries });
  await ws.subscribe({ prefixes: ['borrow_rate:'] });
  t.after(() => redis.cli('CONFIG', 'SET', 'maxmemory', '0'));
  const used = Number(/used_memory:(\d+)/.exec(await redis.cli('INFO', 'memory'))![1]);
  await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  await redis.cli('CONFIG', 'SET', 'maxmemory', String(used - 200_000));
  const { key } = await ws.nextEvent(({ event }) => event === 'invalidate');
  assert.ok(keys.includes(key));
  assert.equal(await redis.cli('EXISTS', PREFIX + key), '0');
  const gone = 200 - Number(await redis.cli('EXISTS', ...keys.map((key) => PREFIX + key)));
  await until(() => ws.events.filter(({ event }) => event === 'invalidate').length >= gone);
  for (const { event, reason } of ws.events) if (event === 'invalidate') assert.equal(reason, 'remote');
});

test('FLUSHALL resets every subscriber', async (t) => {
  const [ws, other] = [await wsFor(t, near), await wsFor(t, far, { protocol: MSGPACK_PROTOCOL })];
  await ws.subscribe({ keys: ['borrow_rate:A'] });
  await other.subscribe({ types: ['borrow_rate'] });
  await redis.cli('FLUSHALL');
  for (const each of [ws, other])
    assert.deepEqual(await each.nextEvent(), { event: 'reset', reason: 'rearmed' });
});

test('an invalidation by pattern is pushed as the pattern, and as keys to subscribers of keys', async (t) => {
  const [open, named] = [await wsFor(t, near), await wsFor(t, near)];
  await post(far, '/v1/mset', {
    entries: [
      { key: 'volatility:A', value: 1 },
      { key: 'borrow_rate:A', value: 1 },
    ],
  });
  await open.subscribe({ types: ['volatility'] });
  await named.subscribe({ keys: ['volatility:A', 'borrow_rate:A'] });
  await post(far, '/v1/invalidate', { pattern: 'volatility:*' });
  // The invalidation of the key itself arrives separately, before or after.
  const byPattern = await open.nextEvent(({ pattern }) => pattern === 'volatility:*');
  assert.deepEqual(byPattern, { event: 'invalidate', pattern: 'volatility:*', reason: 'delete' });
  assert.equal((await named.nextEvent()).key, 'volatility:A');
  await post(near, '/v1/invalidate', { types: ['volatility'] });
  const byType = await open.nextEvent(({ type }) => type === 'volatility');
  assert.deepEqual(byType, { event: 'invalidate', type: 'volatility', reason: 'delete' });
  assert.deepEqual(
    named.events.filter(({ key }) => key !== 'volatility:A'),
    [],
  );
});

test('an announcement of another program on the channel is pushed', async (t) => {
  const [ws, other] = [await wsFor(t, near), await wsFor(t, far, { protocol: MSGPACK_PROTOCOL })];
  for (const each of [ws, other]) await each.subscribe({ types: ['volatility'] });
  assert.equal(await redis.cli('PUBLISH', 'cache_invalidation', '{"pattern":"volatility:*"}'), '2');
  for (const each of [ws, other])
    assert.deepEqual(await each.nextEvent(), {
      event: 'invalidate',
      pattern: 'volatility:*',
      reason: 'remote',
    });
});

test('the loss and the return of the link each push a reset, and a new subscription is complete', async (t) => {
  const ws = await wsFor(t, near);
  await ws.subscribe({ keys: ['borrow_rate:A'], values: true });
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const reasons: string[] = [];
  while (reasons.at(-1) !== 'rearmed')
    reasons.push((await ws.nextEvent(({ event }) => event === 'reset')).reason);
  assert.deepEqual(reasons, ['degraded', 'rearmed']);
  await put(far, 'borrow_rate:A', '1');
  await ws.nextEvent(about('borrow_rate:A'));
  const { items } = await ws.subscribe({ keys: ['borrow_rate:A'], values: true });
  assert.equal(items[0]!.value, 1);
});

test('while Redis is frozen, answers are marked, and a snapshot names keys that cannot be read', async (t) => {
  const service = await startReplica(redis, {
    REDIS_COMMAND_TIMEOUT_MS: '250',
    HEARTBEAT_TIMEOUT_MS: '1000',
  });
  t.after(() => service.stop());
  const ws = await wsFor(t, service);
  await put(service, 'borrow_rate:A', '1');
  await heardAll(service);
  await readIntoL1(service, 'borrow_rate:A');
  await ws.subscribe({ keys: ['borrow_rate:A'] });
  await whileFrozen(redis, async () => {
    await ws.nextEvent(({ reason }) => reason === 'blind');
    const hit = await ws.request('get', { key: 'borrow_rate:A' });
    assert.deepEqual([hit.status, hit.value, hit.coherence], ['hit', 1, 'blind']);
    const miss = await ws.request('get', { key: 'borrow_rate:B' });
    assert.equal(miss.status, 'miss');
    assert.match(miss.code, /^l2_/);
    const { results, coherence } = await ws.request('mget', { keys: ['borrow_rate:B'] });
    assert.deepEqual([results[0].status, coherence], ['miss', 'blind']);
    const { items, parts } = await ws.subscribe({ keys: ['borrow_rate:A', 'borrow_rate:B'], values: true });
    assert.equal(parts[0]!.coherence, 'blind');
    assert.equal(items[0]!.value, 1);
    assert.match(items[1]!.code, /^l2_/);
    const key = 'borrow_rate:C';
    for (const changed of [await ws.request('set', { key, value: 1 }), await ws.request('delete', { key })]) {
      assert.match(changed.status, /^(accepted|unknown)$/);
      assert.equal(changed.coherence, 'blind');
    }
  });
  await ws.nextEvent(({ reason }) => reason === 'rearmed');
  await Promise.all([near, far].map(reachesRedis));
});

test('standalone, writes, deletions, invalidations and expiries are pushed', async (t) => {
  for (const protocol of PROTOCOLS) {
    const [ws, other] = [await wsFor(t, alone, { protocol }), await wsFor(t, alone, { protocol })];
    await ws.subscribe({ types: ['min_rate'], values: true });
    const key = 'min_rate:A';
    const next = async (expected: Message) => {
      const { version, ttl, ...event } = await ws.nextEvent();
      assert.deepEqual(event, expected);
    };
    await other.request('set', { key, value: 1 });
    await next({ event: 'update', key, value: 1 });
    await del(alone, key);
    await next({ event: 'invalidate', key, reason: 'delete' });
    await put(alone, key, '2', { query: '?ttl=0.1' });
    await next({ event: 'update', key, value: 2 });
    await next({ event: 'invalidate', key, reason: 'expire' });
    await post(alone, '/v1/invalidate', { pattern: 'min*' });
    await next({ event: 'invalidate', pattern: 'min*', reason: 'delete' });
    await post(alone, '/v1/flush', {});
    await next({ event: 'reset', reason: 'flush' });
  }
});

test('a value without a JSON form is pushed in full over msgpack and as an invalidation over JSON', async (t) => {
  const [text, binary] = [await wsFor(t, near), await wsFor(t, near, { protocol: MSGPACK_PROTOCOL })];
  const key = 'borrow_rate:BIN';
  for (const ws of [text, binary]) await ws.subscribe({ keys: [key], values: true });
  const value = Buffer.from([0, 255]);
  await put(far, key, pack(value), { headers: { 'content-type': MSGPACK_TYPE } });
  assert.deepEqual((await binary.nextEvent()).value, value);
  assert.deepEqual(await text.nextEvent(), { event: 'invalidate', key, reason: 'set' });
  assert.deepEqual((await binary.request('get', { key })).value, value);
  const { detail, ...refused } = await text.request('get', { id: 'j', key });
  assert.deepEqual(refused, { id: 'j', ok: false, code: 'not_acceptable' });
  assert.match(detail, /binary data has no JSON form/);
  await put(far, 'borrow_rate:HUGE', '123456789012345678901234567890');
  const unpackable = await binary.request('get', { id: 'm', key: 'borrow_rate:HUGE' });
  assert.deepEqual([unpackable.ok, unpackable.code], [false, 'not_acceptable']);
  await del(far, 'borrow_rate:HUGE');
  const { results } = await text.request('mget', { keys: [key] });
  assert.equal(results[0].code, 'not_acceptable');
  const { items } = await text.subscribe({ prefixes: ['borrow_rate:B'], values: true });
  assert.deepEqual(items, [{ key, code: 'not_acceptable' }]);
  const bare = (await text.subscribe({ prefixes: ['borrow_rate:B'] })).items;
  assert.match(bare[0]!.version, VERSION);
  await binary.request('set', { key, value: new Uint8Array([7]) });
  const stored = await bytesOf(await get(near, key, { accept: MSGPACK_TYPE }));
  assert.deepEqual(stored, Buffer.from([0xc4, 1, 7]));
});

test('an upgrade selects JSON by default or the first known subprotocol, and rejects unknown subprotocols', async (t) => {
  const none = await wsFor(t, near, { protocol: null });
  assert.equal(none.protocol, '');
  assert.equal((await none.request('ping')).ok, true);
  const chosen = await wsFor(t, near, { protocol: ['ratecache.v9', MSGPACK_PROTOCOL, JSON_PROTOCOL] });
  assert.equal(chosen.protocol, MSGPACK_PROTOCOL);
  assert.equal((await chosen.request('ping')).ok, true);
  const response = await refused(connectWs(near, { protocol: 'graphql-ws' }));
  const detail = await assertProblem(response, 'subprotocol_unsupported', 'Sec-WebSocket-Protocol');
  for (const protocol of PROTOCOLS) assert.ok(detail.includes(protocol));
});

test('an upgrade without Upgrade, Connection, version 13 or a key is rejected', async (t) => {
  const lines = {
    Upgrade: 'WebSocket',
    Connection: 'keep-alive, Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const ask = async (changed: Record<string, string | undefined>) => {
    const connection = await connect(near.port);
    t.after(() => connection.destroy());
    const headers = Object.entries({ Host: 'x', ...lines, ...changed }).filter(
      ([, value]) => value !== undefined,
    );
    await connection.send(
      `GET /v1/ws HTTP/1.1\r\n${headers.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n`,
    );
    return (await connection.readResponses(1))[0]!;
  };
  for (const name of Object.keys(lines))
    for (const value of [undefined, '8']) {
      const answer = await ask({ [name]: value });
      assertRawProblem(answer, 'upgrade_required');
      assert.equal(answer.headers['sec-websocket-version'], '13', name);
      assert.equal(answer.headers.upgrade, 'websocket', name);
    }
  assert.equal((await ask({})).status, 101);
});

test('only listed origins and clients without an Origin may connect', async (t) => {
  const origin = 'https://desk.example.com';
  await assertProblem(await refused(connectWs(near, { origin })), 'origin_refused', 'Origin');
  const env = { ...PATIENT, WS_ALLOWED_ORIGINS: `https://a.example,${origin}` };
  const open = await startService({ standalone: true, env });
  t.after(() => open.stop());
  assert.equal((await (await wsFor(t, open, { origin })).request('ping')).ok, true);
  assert.equal((await (await wsFor(t, open)).request('ping')).ok, true);
  for (const other of ['https://desk.example.com.evil.example', 'http://desk.example.com', 'null'])
    await assertProblem(await refused(connectWs(open, { origin: other })), 'origin_refused', 'Origin');
  const all = await startService({ standalone: true, env: { ...PATIENT, WS_ALLOWED_ORIGINS: '*' } });
  t.after(() => all.stop());
  assert.equal((await (await wsFor(t, all, { origin })).request('ping')).ok, true);
});

test('frame size, subscriptions, connections and malformed frames are limited', async (t) => {
  const service = await startService({
    standalone: true,
    env: {
      ...PATIENT,
      WS_MAX_FRAME_BYTES: '2048',
      WS_MAX_SUBSCRIPTIONS: '3',
      WS_MAX_CONNECTIONS: '2',
      WS_IDLE_TIMEOUT_SECONDS: '8',
    },
  });
  t.after(() => service.stop());

  const idle = await wsFor(t, service);
  const large = await wsFor(t, service, { protocol: MSGPACK_PROTOCOL });
  await assertProblem(await refused(connectWs(service)), 'too_many_connections');
  large.sendRaw(new Uint8Array(2049));
  assert.equal((await large.closed).code, 1009);
  const room = await until(() => wsFor(t, service).catch(() => undefined));
  await room.close();
  const larger = await until(() => wsFor(t, service).catch(() => undefined));
  larger.sendRaw(new Uint8Array(10_000));
  assert.notEqual((await larger.closed).code, 1000, 'the connection must not close normally');

  const ws = await until(() => wsFor(t, service).catch(() => undefined));
  for (const id of [1, 2, 3]) await ws.subscribe({ id, keys: ['a:b'] });
  assert.equal((await ws.request('subscribe', { id: 4, keys: ['a:b'] })).code, 'too_many_subscriptions');
  await ws.request('unsubscribe', { subscription: 2 });
  await ws.subscribe({ id: 4, keys: ['a:b'] });

  const malformed = ['{', '[]', '{"op":"ping"}', '{"id":null,"op":"ping"}', '{"id":1e999,"op":"ping"}'];
  for (let round = 0; round < 3; round++) {
    for (const frame of malformed) ws.sendRaw(frame);
    assert.equal((await ws.request('ping')).ok, true, 'a valid frame resets the count of malformed frames');
  }
  const answers = ws.frames.filter(({ id }) => id === null);
  assert.equal(answers.length, 15);
  for (const answer of answers) assert.deepEqual([answer.ok, answer.code], [false, 'frame_invalid']);
  for (const frame of malformed) ws.sendRaw(frame);
  ws.sendRaw('x');
  assert.deepEqual(await ws.closed, { code: 1008, reason: 'too many malformed frames' });
  assert.equal(
    ws.frames.filter(({ id }) => id === null).length,
    21,
    'the last malformed frame is answered as well',
  );

  await until(() => idle.pings > 0);
  assert.equal(idle.open, true);
});

test('a stopping service closes its sockets with 1012', async (t) => {
  const service = await startReplica(redis, ENV);
  t.after(() => service.stop());
  const clients = [await wsFor(t, service), await wsFor(t, service, { protocol: MSGPACK_PROTOCOL })];
  for (const ws of clients) await ws.subscribe({ keys: ['borrow_rate:A'] });
  service.kill('SIGTERM');
  for (const ws of clients) assert.deepEqual(await ws.closed, { code: 1012, reason: 'restarting' });
  assert.deepEqual(await service.exited, { code: 0, signal: null });
});

test('the example in docs/websocket.md works as written', async (t) => {
  const document = await readFile(new URL('../../docs/websocket.md', import.meta.url), 'utf8');
  const lines = /```console\n(.*?)```/s.exec(document)![1]!.trim().split('\n');
  for (const service of [near, alone]) {
    const ws = await wsFor(t, service);
    // Each version in the document stands for one version that the service creates.
    const versions = new Map<string, string>();
    const written = (frame: Message) =>
      JSON.stringify(frame).replaceAll(/[0-9a-f]{24}/g, (version) => {
        if (!versions.has(version)) versions.set(version, [...shown][versions.size]!);
        return versions.get(version)!;
      });
    const shown = new Set(lines.flatMap((line) => line.match(/[0-9a-f]{24}/g) ?? []));
    let seen = 0;
    for (const line of lines) {
      if (line.startsWith('< ')) {
        const frame = await until(() => ws.frames[seen]);
        assert.equal(withoutTtl(written(frame)), withoutTtl(line.slice(2)));
        seen++;
        continue;
      }
      const real = [...versions].reduce((text, [real, shown]) => text.replaceAll(shown, real), line.slice(2));
      ws.sendRaw(real);
    }
    assert.equal(ws.frames.length, seen);
  }
});

/** The seconds that are left depend on the speed of the machine; this test takes less than a minute. */
function withoutTtl(frame: string): string {
  return frame.replaceAll(/"ttl":(\d+)/g, (_, left) => {
    assert.ok(Number(left) > 240 && Number(left) <= 300, left);
    return '"ttl":300';
  });
}

async function refused(connecting: Promise<WsClient>): Promise<Response> {
  const error = await connecting.then(
    async (ws) => {
      await ws.close();
      return undefined;
    },
    (error: unknown) => error,
  );
  assert.ok(error instanceof Refused, `not refused: ${error}`);
  return error.response;
}

function byKey(a: Message, b: Message): number {
  return a.key < b.key ? -1 : 1;
}
