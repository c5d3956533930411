import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import { bytesOf, get, MSGPACK_TYPE, put } from '../support/client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startReplica } from '../support/replicas.ts';
import { type Service, startService } from '../support/service.ts';
import { connectWs, MSGPACK_PROTOCOL, type WsClient } from '../support/ws-client.ts';

let redis: RedisServer;
/** One that is written to, and another that has all it knows from Redis. */
let one: Service;
let other: Service;
let alone: Service;

before(async () => {
  redis = await startRedis();
  [one, other, alone] = await Promise.all([
    startReplica(redis, { COMPRESSION_THRESHOLD_BYTES: '300' }),
    startReplica(redis),
    startService({ standalone: true }),
  ]);
});

after(async () => {
  await Promise.all([one?.stop(), other?.stop(), alone?.stop()]);
  await redis?.stop();
});

// The lengths at which a value is compressed and at which it is held as a Buffer lie in between.
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 400, size: 'max' }),
  fc.uint8Array({ minLength: 4080, maxLength: 4110, size: 'max' }),
  fc.tuple(fc.nat(255), fc.nat(5000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
  fc.constant(Uint8Array.from({ length: 256 }, (_, byte) => byte)),
);

test('whatever bytes are written over HTTP or WebSocket, both give them back, from L1 and from Redis', async (t) => {
  const sockets = await Promise.all(
    [one, other, alone].map((service) => connectWs(service, { protocol: MSGPACK_PROTOCOL })),
  );
  t.after(() => Promise.all(sockets.map((ws) => ws.close())));
  const [near, far, apart] = sockets as [WsClient, WsClient, WsClient];
  let count = 0;
  await fc.assert(
    fc.asyncProperty(anyBytes, fc.boolean(), async (bytes, overHttp) => {
      const key = `borrow_rate:${count++}`;
      const value = Buffer.from(bytes);
      const written = pack(value);
      const headers = { 'content-type': MSGPACK_TYPE };
      for (const [service, ws, readers] of [
        [one, near, [one, other]],
        [alone, apart, [alone]],
      ] as const) {
        if (overHttp) assert.ok((await put(service, key, new Uint8Array(written), { headers })).ok);
        else assert.ok((await ws.request('set', { key, value })).ok);
        for (const reader of readers)
          assert.deepEqual(await bytesOf(await get(reader, key, { accept: MSGPACK_TYPE })), written);
      }
      for (const ws of [near, far, apart]) {
        assert.deepEqual((await ws.request('get', { key })).value, value);
        // The second time a result is kept as it was encoded, and the third time it is sent as it was kept.
        const { results } = await ws.request('mget', { keys: [key, key] });
        for (const result of results) assert.deepEqual(result.value, value);
      }
    }),
    { numRuns: 150 },
  );
});
