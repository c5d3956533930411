import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { del, post, put } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { replicasOfFile } from '../support/services.ts';
import { JSON_PROTOCOL, type Message, MSGPACK_PROTOCOL, wsFor } from '../support/ws-client.ts';

const {
  redis,
  replicas: [near, far],
} = await replicasOfFile({}, {});

const INTEREST = { keys: ['x:1'], prefixes: ['volatility:A'], values: true };

/** Where a client is that subscribes, and then disconnects. */
async function positionOf(t: TestContext) {
  const ws = await wsFor(t, near);
  await ws.subscribe(INTEREST);
  await heardAll(near);
  await ws.request('heartbeat', { interval: 100 });
  const { epoch, offset } = await ws.nextEvent(({ event }: Message) => event === 'heartbeat');
  await ws.close();
  return { epoch, offset };
}

for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL]) {
  test(`a client that resumes receives what it missed, and nothing else: ${protocol}`, async (t) => {
    await Promise.all(
      ['x:1', 'volatility:AA', 'volatility:AB', 'volatility:AC'].map((key) => put(near, key, '1')),
    );
    const resume = await positionOf(t);
    await put(far, 'volatility:AA', '2');
    await del(near, 'volatility:AB');
    await redis.cli('DEL', 'borrow_rate_engine:x:1');
    await put(far, 'volatility:B', '2');
    await heardAll(near);
    const ws = await wsFor(t, near, { protocol });
    const { items, parts } = await ws.subscribe({ ...INTEREST, resume });
    assert.ok(parts.every(({ resumed }) => resumed === true));
    const states = items.map(({ key, value, code }) => [key, value ?? code]).sort();
    assert.deepEqual(states, [
      ['volatility:AA', 2],
      ['volatility:AB', 'cache_miss'],
      ['x:1', 'cache_miss'],
    ]);
    await put(far, 'volatility:AC', '3');
    const { key } = await ws.nextEvent(({ event }) => event === 'update');
    assert.equal(key, 'volatility:AC');
  });
}

test('a client receives a full snapshot at another process, and after a deletion by type', async (t) => {
  await put(near, 'x:1', '1');
  const resume = await positionOf(t);
  const elsewhere = await wsFor(t, far);
  await post(near, '/v1/invalidate', { types: ['volatility'] });
  const later = await wsFor(t, near);
  for (const ws of [elsewhere, later]) {
    const { items, parts } = await ws.subscribe({ ...INTEREST, resume });
    assert.deepEqual([parts[0]!.resumed, items.map(({ key }) => key)], [false, ['x:1']]);
  }
  const { parts } = await later.subscribe({ keys: ['x:1'] });
  assert.ok(!('resumed' in parts[0]!));
});

test('an invalid position is refused', async (t) => {
  const ws = await wsFor(t, near);
  for (const resume of [
    1,
    {},
    { epoch: 'a' },
    { epoch: 'a', offset: -1 },
    { epoch: 'a', offset: 1, at: 2 },
  ]) {
    const { code, field } = await ws.request('subscribe', { ...INTEREST, resume });
    assert.deepEqual([code, field], ['frame_invalid', 'resume'], JSON.stringify(resume));
  }
});
