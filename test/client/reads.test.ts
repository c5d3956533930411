import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { msgpack } from '../../src/client/msgpack.ts';
import { replicasOfFile } from '../support/services.ts';
import { assertOrigins, clientOf, MOST_AGE_MS, NEAR, relayTo, trusted, write } from './stage.ts';

/** A key whose values the compiler does not know. */
const KEY = 'calculation:AAPL';
const RATE = 'borrow_rate:AAPL';

const {
  redis,
  replicas: [service],
} = await replicasOfFile({});

for (const [name, options] of [
  ['JSON', {}],
  ['msgpack', { codec: msgpack }],
] as const) {
  test(`values, versions and ages are read and written: ${name}`, async (t) => {
    const client = await clientOf(t, service, options);
    await trusted(client);
    const written = await client.set(RATE, { rate: 0.25 }, { ttl: 100 });
    assert.deepEqual([written.status, written.state, written.tier], ['created', 'coherent', 'service']);
    const read = await client.get(RATE);
    assert.deepEqual(
      [read.status, read.value, read.version, read.state, read.tier],
      ['hit', { rate: 0.25 }, written.version, 'coherent', 'service'],
    );
    for (const age of [written.age!, read.age!]) assert.ok(age >= 0 && age < MOST_AGE_MS, String(age));
    assert.equal((await client.delete(RATE)).status, 'deleted');
    const gone = await client.get(RATE);
    assert.deepEqual(
      [gone.status, gone.value, gone.version, gone.age],
      ['miss', undefined, undefined, undefined],
    );
  });
}

for (const [name, options] of [
  ['JSON', {}],
  ['msgpack', { codec: msgpack }],
  ['a near cache', NEAR],
] as const) {
  test(`a client writes and reads when the data is from, and its age counts from then: ${name}`, async (t) => {
    const client = await clientOf(t, service, options);
    await trusted(client);
    await assertOrigins(client);
  });
}

test('a stampede of 1,000 reads of one key sends one frame', async (t) => {
  const relay = await relayTo(t, service);
  await write(service, KEY, 1);
  for (const options of [{}, NEAR]) {
    const client = await clientOf(t, relay, options);
    relay.requests.length = 0;
    const results = await Promise.all(Array.from({ length: 1000 }, () => client.get(KEY)));
    assert.ok(results.every(({ value }) => value === 1));
    assert.equal(relay.of('get', 'mget', 'subscribe').length, 1);
  }
});

test('the reads of one turn are one frame, and getMany returns them in order', async (t) => {
  const relay = await relayTo(t, service);
  const keys = Array.from({ length: 50 }, (_, i) => `volatility:${i}`);
  await Promise.all(keys.slice(0, 40).map((key, i) => write(service, key, i)));
  for (const options of [{}, NEAR]) {
    const client = await clientOf(t, relay, options);
    relay.requests.length = 0;
    const [many, one] = await Promise.all([client.getMany(keys), client.get('min_rate:A')]);
    assert.deepEqual(
      many.map(({ key, value }) => [key, value]),
      keys.map((key, i) => [key, i < 40 ? i : undefined]),
    );
    assert.equal(one.status, 'miss');
    assert.equal(relay.of('get', 'mget', 'subscribe').length, 1);
  }
});

test('a second read is answered from memory, and a change by another program replaces it', async (t) => {
  const relay = await relayTo(t, service);
  await write(service, KEY, 1);
  const client = await clientOf(t, relay);
  await trusted(client);
  assert.equal(client.peek(KEY), undefined);
  await client.get(KEY);
  relay.requests.length = 0;
  const near = await client.get(KEY);
  assert.deepEqual([near.value, near.tier, near.state], [1, 'near-cache', 'coherent']);
  assert.equal(client.peek(KEY)?.value, 1);
  const version = await write(service, KEY, 2);
  await until(() => client.peek(KEY)?.value === 2);
  assert.equal(client.peek(KEY)!.version, version);
  await redis.cli('DEL', `borrow_rate_engine:${KEY}`);
  await until(() => client.peek(KEY)?.value !== 2);
  assert.equal((await client.get(KEY)).status, 'miss');
  assert.equal(relay.of('mget', 'subscribe').length, 0);
});

test('a missing key is remembered, until it is written', async (t) => {
  const client = await clientOf(t, service);
  await trusted(client);
  assert.equal((await client.get(KEY)).tier, 'service');
  const near = await client.get(KEY);
  assert.deepEqual([near.status, near.tier], ['miss', 'near-cache']);
  await write(service, KEY, 1);
  await until(() => client.peek(KEY)?.value === 1);
});

test('an expired entry is never served', async (t) => {
  const client = await clientOf(t, service);
  await trusted(client);
  await write(service, KEY, 1, 1.5);
  assert.equal((await client.get(KEY)).value, 1);
  const deadline = performance.now() + 1000;
  await until(() => client.peek(KEY)?.value === undefined);
  assert.ok(performance.now() > deadline - 500, 'the entry was served before');
  assert.notEqual((await client.get(KEY)).tier, 'near-cache');
});

test('a reader sees its own write at once', async (t) => {
  const client = await clientOf(t, service);
  for (let i = 0; i < 50; i++) {
    await client.set(RATE, { rate: i });
    assert.deepEqual((await client.get(RATE)).value, { rate: i });
  }
});

test('a push that overtakes an answer wins', async (t) => {
  const relay = await relayTo(t, service);
  await write(service, KEY, 1);
  const client = await clientOf(t, relay);
  await trusted(client);
  await client.get(KEY);
  // The deletion drops the entry, and its watch stays: the next read is a plain request.
  await client.delete(KEY);
  relay.holds = ({ op: _op, id, event }) => event === undefined && id !== undefined;
  const read = client.get(KEY);
  await until(() => relay.held.some(({ key }) => key === KEY));
  await write(service, KEY, 2);
  await until(() => client.peek(KEY)?.value === 2);
  relay.release();
  assert.equal((await read).value, 2);
  assert.equal((await client.get(KEY)).value, 2);
});

test('many keys of a type are watched by one subscription to the type', async (t) => {
  const relay = await relayTo(t, service);
  const client = await clientOf(t, relay, { ...NEAR, nearCache: { maxEntries: 1000, keysPerType: 10 } });
  await trusted(client);
  const keys = Array.from({ length: 30 }, (_, i) => `volatility:${i}`);
  await Promise.all(keys.map((key, i) => write(service, key, i)));
  for (const key of keys) await client.get(key);
  await until(() => relay.of('unsubscribe').length > 0);
  assert.equal(relay.of('subscribe').filter(({ types }) => types?.[0] === 'volatility').length, 1);
  await Promise.all(keys.map((key) => write(service, key, 'new')));
  await until(() => keys.every((key) => client.peek(key)?.value === 'new'));
});

test('the near cache stores no more entries than allowed', async (t) => {
  const client = await clientOf(t, service, { ...NEAR, nearCache: { maxEntries: 10 } });
  await trusted(client);
  const keys = Array.from({ length: 100 }, (_, i) => `volatility:${i}`);
  await Promise.all(keys.map((key, i) => write(service, key, i)));
  await client.getMany(keys);
  assert.equal(client.state.nearCache!.entries, 10);
  for (const [i, key] of keys.entries()) assert.equal((await client.get(key)).value, i);
});

test('a value that JSON cannot represent is an error of its key alone', async (t) => {
  const writer = await clientOf(t, service, { codec: msgpack });
  const client = await clientOf(t, service);
  await writer.set('x:bytes', new Uint8Array([1, 2]));
  await writer.set('x:text', 'a');
  const [bytes, text] = await client.getMany(['x:bytes', 'x:text']);
  assert.deepEqual([bytes.status, bytes.code, text.value], ['error', 'not_acceptable', 'a']);
  await assert.rejects(client.get('x:bytes'), { name: 'RatecacheError', code: 'not_acceptable' });
});
