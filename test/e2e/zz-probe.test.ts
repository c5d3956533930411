import { test } from 'node:test';
import { startRedis } from '../support/redis-server.ts';
import { startReplica } from '../support/replicas.ts';
import { connectWs, MSGPACK_PROTOCOL } from '../support/ws-client.ts';
import { put } from '../support/client.ts';
test('probe', async (t) => {
  const redis = await startRedis(); t.after(() => redis.stop());
  const [a, b] = await Promise.all([startReplica(redis), startReplica(redis)]);
  t.after(() => a.stop()); t.after(() => b.stop());
  await put(a, 'borrow_rate:A', '{"rate":1}');
  const ws = await connectWs(a); const m = await connectWs(b, { protocol: MSGPACK_PROTOCOL });
  for (const c of [ws, m]) {
    console.log(await c.request('ping'), await c.request('get', { key: 'borrow_rate:A' }), await c.request('mget', { keys: ['borrow_rate:A', 'nope', ''] }));
    console.log(await c.request('subscribe', { id: 's', keys: ['borrow_rate:A'], prefixes: ['vol'], values: true }));
  }
  await ws.request('set', { key: 'borrow_rate:A', value: [1] });
  await ws.request('set', { key: 'volX', value: [1], ttl: 0.3 });
  console.log(await m.nextEvent(), await m.nextEvent());
  await redis.cli('DEL', 'borrow_rate_engine:borrow_rate:A');
  console.log(await m.nextEvent(), await m.nextEvent());
  console.log(ws.events, m.events);
  await ws.close(); await m.close();
});
