import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { VERSION_OFFSET } from '../../src/redis/envelope.ts';
import { clientOf, trusted } from '../client/stage.ts';
import { del, get, jsonOf, post, put } from '../support/client.ts';
import { explainedBy } from '../support/explain.ts';
import { heardAll } from '../support/heard-all.ts';
import { openConnection } from '../support/redis-connection.ts';
import { replicasOfFile } from '../support/services.ts';
import { wsFor } from '../support/ws-client.ts';

const PREFIX = 'borrow_rate_engine:';
const CALCULATION = 'calculation:GME:c1:1000:30';
const INPUTS = ['borrow_rate:GME', 'volatility:GME', 'event_risk:GME', 'broker_config:c1'];

const {
  redis,
  replicas: [near, far],
} = await replicasOfFile({}, {});

/** Stores the inputs and then the calculation; both replicas have it in L1. */
async function calculated(): Promise<void> {
  for (const key of INPUTS) await put(near, key, '1');
  await Promise.all([near, far].map((each) => heardAll(each)));
  await put(near, CALCULATION, '7');
  await Promise.all([near, far].map((each) => heardAll(each)));
  for (const each of [near, far, near, far]) assert.equal((await get(each, CALCULATION)).status, 200);
}

/** A change of an input, by whom. */
const CHANGES: Record<string, (input: string) => Promise<unknown>> = {
  'a write at the same replica': (input) => put(near, input, '2'),
  'a write at another replica': (input) => put(far, input, '2'),
  'a deletion at another replica': (input) => del(far, input),
  'SET by redis-cli': (input) => redis.cli('SET', PREFIX + input, '2'),
  'DEL by redis-cli': (input) => redis.cli('DEL', PREFIX + input),
};

for (const [i, [who, change]] of Object.entries(CHANGES).entries())
  test(`after ${who}, no replica serves the calculation, and a new one is served`, async () => {
    const input = INPUTS[i % INPUTS.length]!;
    await calculated();
    await change(input);
    await Promise.all([near, far].map((each) => heardAll(each)));
    for (const each of [near, far]) {
      const answer = await get(each, CALCULATION);
      assert.equal(answer.status, 404);
      assert.match(answer.headers.get('cache-status')!, /; detail=input$/);
      const { code, detail } = await jsonOf(answer);
      assert.deepEqual([code, detail], ['cache_miss', `the value is older than its input ${input}`]);
      const { results } = await jsonOf(await post(each, '/v1/mget', { keys: [CALCULATION] }));
      assert.equal(results[0].status, 'miss');
    }
    await put(far, CALCULATION, '8');
    await heardAll(near);
    assert.equal(await (await get(near, CALCULATION)).text(), '8');
  });

test('a calculation is served that was stored together with its inputs', async () => {
  const entries = [...INPUTS, CALCULATION].map((key) => ({ key, value: 1 }));
  for (const order of [entries, entries.toReversed()]) {
    assert.equal((await post(near, '/v1/mset', { entries: order })).status, 200);
    await Promise.all([near, far].map((each) => heardAll(each)));
    const expected = order === entries ? 200 : 404;
    for (const each of [near, far]) assert.equal((await get(each, CALCULATION)).status, expected);
  }
});

test('a change by another program in the same turn of Redis as the calculation counts', async (t) => {
  await calculated();
  const other = openConnection(t, redis);
  await once(other.redis, 'ready');
  // The next version of the calculation. The checksum does not cover it.
  const next = (await other.redis.getBuffer(PREFIX + CALCULATION))!;
  const counter = VERSION_OFFSET + 6;
  next.writeUInt16BE(next.readUInt16BE(counter) + 1, counter);
  // Redis reports both changes together, the input first.
  await other.redis
    .multi()
    .set(PREFIX + CALCULATION, next)
    .set(`${PREFIX}borrow_rate:GME`, '2')
    .exec();
  for (const each of [near, far]) {
    await heardAll(each);
    assert.equal((await get(each, CALCULATION)).status, 404);
  }
});

test('an explanation names the input that has changed', async () => {
  await calculated();
  await put(far, 'event_risk:GME', '2');
  await heardAll(near);
  await heardAll(far);
  const { replicas } = await explainedBy(near, CALCULATION, 2);
  for (const { why, input_change } of replicas) {
    assert.equal(input_change?.key, 'event_risk:GME');
    assert.match(why, /^It answers that the key has no value, because its input event_risk:GME has changed/);
  }
});

test('a replica that starts later does not serve a calculation that is older than its inputs', async (t) => {
  await calculated();
  await put(far, 'volatility:GME', '2');
  const later = await startReplica(redis);
  t.after(() => later.stop());
  assert.equal((await get(later, CALCULATION)).status, 404);
});

test('a replica that starts later serves a calculation that is newer than all its inputs', async (t) => {
  await calculated();
  const later = await startReplica(redis);
  t.after(() => later.stop());
  assert.equal((await get(later, CALCULATION)).status, 200);
});

test('a subscriber by name receives an event for the calculation, one by type a pattern', async (t) => {
  await calculated();
  const byName = await wsFor(t, near);
  const byType = await wsFor(t, near);
  const { items } = await byName.subscribe({ keys: [CALCULATION], values: true });
  assert.equal(items[0]!.value, 7);
  await byType.subscribe({ types: ['calculation'], values: true });
  await redis.cli('SET', `${PREFIX}borrow_rate:GME`, '2');
  assert.deepEqual(await byName.nextEvent(), { event: 'invalidate', key: CALCULATION, reason: 'input' });
  const notice = { event: 'invalidate', pattern: 'calculation:GME:*', reason: 'input' };
  assert.deepEqual(await byType.nextEvent(), notice);
  await put(far, CALCULATION, '8');
  for (const ws of [byName, byType]) {
    const { key, value } = await ws.nextEvent(({ event }) => event === 'update');
    assert.deepEqual([key, value], [CALCULATION, 8]);
  }
});

test('a snapshot does not contain an outdated calculation', async (t) => {
  await calculated();
  await put(far, 'broker_config:c1', '2');
  await heardAll(near);
  const ws = await wsFor(t, near);
  for (const interest of [
    { keys: [CALCULATION] },
    { types: ['calculation'] },
    { prefixes: ['calculation:G'] },
  ])
    assert.deepEqual((await ws.subscribe(interest)).items, []);
});

for (const interest of [{ keys: [CALCULATION] }, { types: ['calculation'] }])
  test(`a client that resumes does not keep an outdated calculation: ${Object.keys(interest)[0]}`, async (t) => {
    await calculated();
    const first = await wsFor(t, near);
    await first.subscribe(interest);
    await first.request('heartbeat', { interval: 100 });
    const { epoch, offset } = await first.nextEvent(({ event }) => event === 'heartbeat');
    await first.close();
    await put(far, 'event_risk:GME', '2');
    await heardAll(near);
    const { items, parts } = await (await wsFor(t, near)).subscribe({
      ...interest,
      resume: { epoch, offset },
    });
    const named = 'keys' in interest;
    assert.deepEqual(items, named ? [{ key: CALCULATION, code: 'cache_miss' }] : []);
    assert.equal(parts[0]!.resumed, named);
  });

for (const keysPerType of [1, 100])
  test(`a near cache drops an outdated calculation, with ${keysPerType} keys before it watches the type`, async (t) => {
    await calculated();
    for (const client_id of ['c2', 'c3']) await put(near, `calculation:GME:${client_id}:1:1`, '1');
    const user = await clientOf(t, near, { nearCache: { maxEntries: 100, keysPerType }, timeoutMs: 30_000 });
    await trusted(user);
    for (const id of ['c1:1000:30', 'c2:1:1', 'c3:1:1']) await user.get(`calculation:GME:${id}`);
    await until(() => user.peek(CALCULATION)?.status === 'hit');
    await redis.cli('SET', `${PREFIX}volatility:GME`, '2');
    await until(() => user.peek(CALCULATION) === undefined);
    assert.equal((await user.get(CALCULATION)).status, 'miss');
    await put(far, CALCULATION, '8');
    await until(async () => (await user.get(CALCULATION)).value === 8);
  });
