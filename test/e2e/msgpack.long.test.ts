import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { bytesOf, get, jsonOf, MSGPACK_TYPE, post, put } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { connectWs, MSGPACK_PROTOCOL, type WsClient } from '../support/ws-client.ts';

let redis: RedisServer;
/** `one` receives the writes; `other` reads them from Redis. */
let one: Service;
let other: Service;
let alone: Service;

before(async () => {
  redis = await startRedis();
  [one, other, alone] = await Promise.all([
    startReplica(redis, { COMPRESSION_THRESHOLD_BYTES: '300' }),
    startReplica(redis),
    startService({ standalone: true, env: { ...PATIENT, LOCAL_CACHE_MAX_SIZE: '5000' } }),
  ]);
});

after(async () => {
  await Promise.all([one?.stop(), other?.stop(), alone?.stop()]);
  await redis?.stop();
});

// These lengths span the limits for compression and for storing a value as a Buffer.
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 400, size: 'max' }),
  fc.uint8Array({ minLength: 4080, maxLength: 4110, size: 'max' }),
  fc.tuple(fc.nat(255), fc.nat(5000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
  fc.constant(Uint8Array.from({ length: 256 }, (_, byte) => byte)),
);

test('bytes written over HTTP or WebSocket are read unchanged over both, from L1 and from Redis', async (t) => {
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
        // The second read stores the encoded result, and the third read sends the stored result.
        const { results } = await ws.request('mget', { keys: [key, key] });
        for (const result of results) assert.deepEqual(result.value, value);
      }
    }),
    { numRuns: 60 },
  );
});

/** Every extension type in each of the spellings that fit its length: fixext, ext8, ext16 and ext32. */
function extensions(): Buffer[] {
  const content = Buffer.from([0x40, 0xff, 0x00, 0x81]);
  return Array.from({ length: 256 }, (_, type) => [
    Buffer.from([0xd6, type, ...content]),
    Buffer.from([0xc7, 4, type, ...content]),
    Buffer.from([0xc8, 0, 4, type, ...content]),
    Buffer.from([0xc9, 0, 0, 0, 4, type, ...content]),
  ]).flat();
}

/** A map of these members, whose values are already msgpack. */
function mapOf(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts = Object.entries(members).flatMap(([name, value]) => [pack(name), value]);
  return Buffer.concat([Buffer.from([0x80 | (parts.length / 2)]), ...parts]);
}

test('all 1,024 shapes of an extension are stored byte for byte by PUT, mset and WebSocket set', async (t) => {
  const shapes = extensions();
  assert.equal(shapes.length, 1024);
  const headers = { 'content-type': MSGPACK_TYPE };
  const keys = (by: string) => shapes.map((_, i) => `other:${by}${i}`);
  for (const [service, readers] of [
    [one, [one, other]],
    [alone, [alone]],
  ] as const) {
    const ws = await connectWs(service, { protocol: MSGPACK_PROTOCOL });
    t.after(() => ws.close());
    const answers = keys('ws').map((_, id) => ws.answerTo(id));
    for (const [i, key] of keys('ws').entries())
      ws.sendRaw(mapOf({ id: pack(i), op: pack('set'), key: pack(key), value: shapes[i]! }));
    for (const { ok } of await Promise.all(answers)) assert.ok(ok);
    for (const [i, key] of keys('put').entries())
      assert.ok((await put(service, key, new Uint8Array(shapes[i]!), { headers })).ok);
    const entries = keys('mset').map((key, i) => mapOf({ key: pack(key), value: shapes[i]! }));
    for (const half of [entries.slice(0, 512), entries.slice(512)]) {
      const array = Buffer.concat([Buffer.from([0xdc, 2, 0]), ...half]);
      const stored = await post(service, '/v1/mset', new Uint8Array(mapOf({ entries: array })), headers);
      const { results } = await jsonOf(stored);
      assert.ok(results.every(({ status }: { status: string }) => status === 'stored'));
    }
    for (const reader of readers)
      for (const by of ['ws', 'put', 'mset'])
        for (const [i, key] of keys(by).entries())
          assert.deepEqual(await bytesOf(await get(reader, key, { accept: MSGPACK_TYPE })), shapes[i], key);
  }
});

test('an mset with a map key that is not a string returns 400 with the position, without a JavaScript error', async () => {
  const headers = { 'content-type': MSGPACK_TYPE };
  const entry = mapOf({ key: pack('other:N'), value: pack(1) });
  for (const body of [
    Buffer.from([0x81, 0x01, 0x90]),
    mapOf({
      entries: Buffer.concat([Buffer.from([0x91, 0x82, 0x01, 0x02]), entry.subarray(1, 5), pack('x')]),
    }),
    mapOf({ entries: Buffer.concat([Buffer.from([0x91, 0x81, 0xd4, 0x01, 0x02, 0x02])]) }),
  ]) {
    const refused = await post(one, '/v1/mset', new Uint8Array(body), headers);
    assert.match(
      await assertProblem(refused, 'body_invalid', 'body'),
      /member name must be a string.*at byte/,
    );
  }
  // Within a value such a map key is allowed.
  const inside = mapOf({ key: pack('other:N'), value: Buffer.from([0x81, 0x01, 0x02]) });
  const body = mapOf({ entries: Buffer.concat([Buffer.from([0x91]), inside]) });
  const { results } = await jsonOf(await post(one, '/v1/mset', new Uint8Array(body), headers));
  assert.equal(results[0].status, 'stored');
});
