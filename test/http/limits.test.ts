/** Limits of what one request may cost. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { bytesOf, get, jsonOf, MSGPACK_TYPE, post, put } from '../support/client.ts';
import { metric } from '../support/metric.ts';
import { assertProblem } from '../support/problem.ts';
import { connectWs, MSGPACK_PROTOCOL } from '../support/ws-client.ts';

const KiB = 1024;
const ENV = {
  MAX_ANSWER_BYTES: String(64 * KiB),
  MAX_INVALIDATION_KEYS: '3000',
  LOCAL_CACHE_MAX_SIZE: '10000',
  // A scrape counts the keys at most once an hour, so it sends no SCAN.
  STATS_MAX_AGE_SECONDS: '3600',
};
const VALUE = JSON.stringify('x'.repeat(20 * KiB));

let redis: RedisServer;
let near: Service;
let alone: Service;
let services: Service[];

before(async () => {
  redis = await startRedis();
  [near, alone] = await Promise.all([
    startReplica(redis, ENV),
    startService({ standalone: true, env: { ...PATIENT, ...ENV } }),
  ]);
  services = [near, alone];
});

after(async () => {
  await Promise.all([near?.stop(), alone?.stop()]);
  await redis?.stop();
});

const MGET = { keys: ['big:A', ...Array<string>(99).fill('big:A'), 'none'] };

function assertBounded(results: { key: string; status: string; code?: string; value?: string }[]): void {
  assert.equal(results.length, 101);
  const hits = results.filter(({ status }) => status === 'hit');
  assert.deepEqual(hits, results.slice(0, 4), 'the first values are sent, until the answer has 64 KiB');
  assert.ok(hits.every(({ value }) => JSON.stringify(value) === VALUE));
  const errors = results.slice(4, 100);
  assert.ok(errors.every(({ status, code }) => status === 'error' && code === 'answer_too_large'));
  assert.deepEqual(results.at(-1), { key: 'none', status: 'miss' });
}

test('an mget that names a key many times receives values up to MAX_ANSWER_BYTES', async () => {
  for (const service of services) {
    assert.ok((await put(service, 'big:A', VALUE)).ok);
    const before = await limited(service, 'answer_bytes');
    assertBounded((await jsonOf(await post(service, '/v1/mget', MGET))).results);
    const packed = await post(service, '/v1/mget', MGET, { accept: MSGPACK_TYPE });
    assertBounded(unpack(await bytesOf(packed)).results);
    assert.equal(await limited(service, 'answer_bytes'), before + 2 * 96);
  }
});

test('an mget over WebSocket receives values up to MAX_ANSWER_BYTES', async (t) => {
  for (const service of services) {
    assert.ok((await put(service, 'big:A', VALUE)).ok);
    for (const protocol of [undefined, MSGPACK_PROTOCOL]) {
      const ws = await connectWs(service, protocol === undefined ? {} : { protocol });
      t.after(() => ws.close());
      assertBounded((await ws.request('mget', MGET)).results);
    }
  }
});

test('a single value larger than MAX_ANSWER_BYTES is sent', async () => {
  const value = JSON.stringify('x'.repeat(100 * KiB));
  assert.ok((await put(alone, 'big:B', value)).ok);
  const { results } = await jsonOf(await post(alone, '/v1/mget', { keys: ['big:B'] }));
  assert.equal(JSON.stringify(results[0].value), value);
});

test('a pattern with more than five stars is pattern_too_complex', async () => {
  for (const service of services) {
    const before = await limited(service, 'pattern_stars');
    const pattern = '*a*b*c*d*e*';
    await assertProblem(await post(service, '/v1/invalidate', { pattern }), 'pattern_too_complex', 'pattern');
    await assertProblem(await post(service, '/v1/warmup', { pattern }), 'pattern_too_complex', 'pattern');
    const query = `/v1/keys?pattern=${encodeURIComponent(pattern)}`;
    await assertProblem(await service.fetch(query), 'pattern_too_complex', 'pattern');
    assert.equal(await limited(service, 'pattern_stars'), before + 3);
    assert.equal((await post(service, '/v1/invalidate', { pattern: '*a*b*c*d**e' })).status, 200);
  }
});

test('an invalidation by up to MAX_INVALIDATION_KEYS keys counts each existing key once', async () => {
  for (const service of services) {
    const keys = Array.from({ length: 1500 }, (_, i) => `inv:${i}`);
    for (let i = 0; i < keys.length; i += 500) {
      const entries = keys.slice(i, i + 500).map((key) => ({ key, value: 1 }));
      assert.equal((await post(service, '/v1/mset', { entries })).status, 200);
    }
    const body = { keys: [...keys, ...keys] };
    assert.deepEqual(await jsonOf(await post(service, '/v1/invalidate', body)), { invalidated: 1500 });
    const before = await limited(service, 'invalidation_keys');
    const tooMany = { keys: [...body.keys, 'one'] };
    await assertProblem(await post(service, '/v1/invalidate', tooMany), 'body_invalid', 'keys');
    assert.equal(await limited(service, 'invalidation_keys'), before + 1);
  }
});

test('an invalid key late in a long invalidation is refused before any key is deleted', async () => {
  for (const service of services) {
    assert.ok((await put(service, 'inv:first', '1')).ok);
    const keys = ['inv:first', ...Array.from({ length: 2500 }, (_, i) => `inv:${i}`), ''];
    await assertProblem(await post(service, '/v1/invalidate', { keys }), 'key_invalid', 'keys[2501]');
    const texts = { keys: ['inv:first', ...Array.from({ length: 2500 }, (_, i) => `inv:${i}`), 1] };
    await assertProblem(await post(service, '/v1/invalidate', texts), 'body_invalid', 'keys[2501]');
    assert.equal((await get(service, 'inv:first')).status, 200);
  }
});

test('a type named many times is scanned once, and the scan ends when the client disconnects', async () => {
  const scans = async () =>
    Number(/cmdstat_scan:calls=(\d+)/.exec(await redis.cli('INFO', 'commandstats'))?.[1] ?? 0);
  await redis.cli('EVAL', "for i = 1, 20000 do redis.call('SET', 'other:' .. i, '') end", '0');
  const slices = 20;
  const before = await scans();
  const types = Array<string>(1000).fill('volatility');
  assert.deepEqual(await jsonOf(await post(near, '/v1/invalidate', { types })), { invalidated: 0 });
  const once = (await scans()) - before;
  assert.ok(once >= slices && once < 3 * slices, `${once} calls of SCAN`);

  await redis.signal('SIGSTOP');
  const connection = await connect(near.port);
  const body = JSON.stringify({ types: ['volatility', 'min_rate', 'event_risk', 'calculation'] });
  await connection.send(
    `POST /v1/invalidate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const aborted = await metric(near, 'ratecache_http_aborted_total');
  await until(async () => (await metric(near, 'ratecache_http_open_requests')) > 1);
  connection.destroy();
  await until(async () => (await metric(near, 'ratecache_http_aborted_total')) > aborted);
  await redis.signal('SIGCONT');
  // The answer to another scan comes after everything that the invalidation has sent.
  assert.equal((await near.fetch('/v1/keys?limit=1')).status, 200);
  const more = (await scans()) - before - once;
  assert.ok(more < slices, `${more} calls of SCAN after the client had disconnected`);
});

const HOSTILE_BODIES: Readonly<Record<string, readonly [body: string | Uint8Array, type?: string]>> = {
  'open arrays': ['['.repeat(4_000_000)],
  'keys that are empty arrays, in JSON': [`{"keys":[${'[],'.repeat(2_000_000)}[]]}`],
  'keys that are empty arrays, in msgpack': [
    Buffer.concat([
      Buffer.from([0x81, 0xa4]),
      Buffer.from('keys'),
      Buffer.from([0xdd, 0, 0x7a, 0x12, 0]),
      Buffer.alloc(8_000_000, 0x90),
    ]),
    MSGPACK_TYPE,
  ],
};

for (const [what, [body, type]] of Object.entries(HOSTILE_BODIES))
  test(`a body of ${what} is body_invalid for every batch and operation`, async () => {
    for (const path of ['/v1/mget', '/v1/mset', '/v1/mdelete', '/v1/invalidate', '/v1/flush']) {
      const response = await post(alone, path, body, type === undefined ? {} : { 'content-type': type });
      await assertProblem(response, 'body_invalid', 'body');
    }
  });

test('large values are stored and returned exactly as they were sent', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const odd = `[${'-0, 1.0, 12345678901234567890, "\\u00e9é", {"__proto__": 1, "a": 1, "a": 2},\n'.repeat(2_000)}1]`;
  for (const service of services) {
    for (const value of [deep, odd]) {
      assert.ok((await put(service, 'big:C', value)).ok);
      assert.equal(await (await get(service, 'big:C')).text(), value);
      const { results } = await jsonOf(
        await post(service, '/v1/mset', `{"entries":[{"key":"big:D","value":${value}},{"key":"big:E"}]}`),
      );
      assert.deepEqual([results[0].status, results[1].code], ['stored', 'body_invalid']);
      assert.equal(await (await get(service, 'big:D')).text(), value);
    }
    for (const broken of [
      deep.slice(1),
      deep.slice(0, -1),
      odd.replace('1]', '01]'),
      `${odd} 1`,
      `\ufeff${odd}`,
    ])
      await assertProblem(await put(service, 'big:C', broken), 'value_invalid', 'body');
    const binary = pack(Array.from({ length: 50_000 }, (_, i) => i));
    assert.ok((await put(service, 'big:F', binary, { headers: { 'content-type': MSGPACK_TYPE } })).ok);
    assert.deepEqual(await bytesOf(await get(service, 'big:F', { accept: MSGPACK_TYPE })), binary);
  }
});

test('an mset of 1,000 entries stores the last value of a key that it names twice', async () => {
  for (const service of services) {
    const entries = Array.from({ length: 1000 }, (_, i) => ({ key: `many:${i % 500}`, value: i }));
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    assert.equal(results.length, 1000);
    assert.ok(results.every(({ status }: { status: string }) => status === 'stored'));
    const read = await jsonOf(await post(service, '/v1/mget', { keys: ['many:0', 'many:499'] }));
    assert.deepEqual(
      read.results.map(({ value }: { value: number }) => value),
      [500, 999],
    );
  }
});

function limited(service: Service, limit: string): Promise<number> {
  return metric(service, `ratecache_limited_total\\{limit="${limit}"\\}`);
}
