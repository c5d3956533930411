import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { JSON_PROTOCOL, type Message, MSGPACK_PROTOCOL, wsFor } from '../support/ws-client.ts';

const KEY = 'borrow_rate:AAPL';

let redis: RedisServer;
let replica: Service;
let alone: Service;

before(async () => {
  redis = await startRedis();
  [replica, alone] = await Promise.all([
    startReplica(redis),
    startService({ standalone: true, env: PATIENT }),
  ]);
});

after(async () => {
  await Promise.all([replica?.stop(), alone?.stop()]);
  await redis?.stop();
});

const isBeat = ({ event }: Message) => event === 'heartbeat';

for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL]) {
  test(`heartbeats begin at once, repeat, and report the coherence state and the time: ${protocol}`, async (t) => {
    const ws = await wsFor(t, replica, { protocol });
    assert.deepEqual(await ws.request('heartbeat', { id: 1, interval: 100 }), {
      id: 1,
      ok: true,
      interval: 100,
    });
    const first = await ws.nextEvent(isBeat);
    const second = await ws.nextEvent(isBeat);
    assert.equal(first.coherence, 'coherent');
    assert.ok(second.time > first.time);
  });
}

test('a service without Redis is coherent in its heartbeats', async (t) => {
  const ws = await wsFor(t, alone);
  await ws.request('heartbeat', { interval: 1000 });
  assert.equal((await ws.nextEvent(isBeat)).coherence, 'coherent');
});

test('the stamp of a version is a time of the heartbeats', async (t) => {
  const ws = await wsFor(t, replica);
  await ws.request('heartbeat', { interval: 100 });
  const before = await ws.nextEvent(isBeat);
  const { version } = await ws.request('set', { key: KEY, value: 1 });
  const after = await ws.nextEvent(isBeat);
  const stamp = Number.parseInt(version.slice(0, 12), 16);
  // A clock that Redis corrects may step back by up to its error.
  assert.ok(stamp >= before.time - 250 && stamp <= after.time + 250, `${before.time} ${stamp} ${after.time}`);
});

test('an interval that is too short, too long or no number is refused', async (t) => {
  const ws = await wsFor(t, alone);
  for (const interval of [0, 99, 60_001, 250.5, '250', undefined]) {
    const { ok, code, field } = await ws.request('heartbeat', { interval });
    assert.deepEqual({ ok, code, field }, { ok: false, code: 'frame_invalid', field: 'interval' });
  }
});

test('snapshots and updates carry the time until the value expires', async (t) => {
  const ws = await wsFor(t, replica);
  await ws.request('set', { key: KEY, value: 1, ttl: 100 });
  const { items } = await ws.subscribe({ keys: [KEY], values: true });
  assert.ok(items[0]!.ttl > 90 && items[0]!.ttl <= 100, JSON.stringify(items));
  await ws.request('set', { key: KEY, value: 2, ttl: 50 });
  const update = await ws.nextEvent(({ event }) => event === 'update');
  assert.ok(update.ttl > 40 && update.ttl <= 50, JSON.stringify(update));
});
