import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pack, Unpackr } from 'msgpackr';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { bytesOf, del, get, jsonOf, MSGPACK_TYPE, pathOf, post, put, readIntoL1 } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { connectWs, JSON_PROTOCOL, MSGPACK_PROTOCOL } from '../support/ws-client.ts';

/** 2017-09-27T12:20:00.250Z */
const AS_OF = 1_506_514_800_250;
const ISO = new Date(AS_OF).toISOString();
const HTTP_DATE = 'Wed, 27 Sep 2017 12:20:00 GMT';
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });
const ORIGIN = { asOf: AS_OF, source: 'ibkr' };

let redis: RedisServer;
let one: Service;
let two: Service;
let alone: Service;
/** A writer, and a reader of what it wrote. */
let pairs: readonly (readonly [writer: Service, reader: Service])[];

before(async () => {
  redis = await startRedis();
  [one, two, alone] = await Promise.all([
    startReplica(redis),
    startReplica(redis, { HTTP_MAX_AGE: 'ttl' }),
    startService({ standalone: true, env: PATIENT }),
  ]);
  pairs = [
    [one, two],
    [alone, alone],
  ];
});

after(async () => {
  await Promise.all([one?.stop(), two?.stop(), alone?.stop()]);
  await redis?.stop();
});

test('GET and HEAD return when the data is from, and Age counts from that time', async () => {
  for (const [writer, reader] of pairs) {
    const written = await put(writer, 'read:A', '1', { query: `?asOf=${ISO}&source=ibkr&ttl=300` });
    assert.equal(written.status, 201);
    const fromRedis = await get(reader, 'read:A');
    await readIntoL1(reader, 'read:A');
    const head = await reader.fetch(pathOf('read:A'), { method: 'HEAD' });
    const unchanged = await get(reader, 'read:A', { 'if-none-match': '*' });
    assert.equal(unchanged.status, 304);
    for (const { headers } of [fromRedis, await get(reader, 'read:A'), head, unchanged]) {
      assert.equal(headers.get('last-modified'), HTTP_DATE);
      assert.equal(headers.get('ratecache-source'), 'ibkr');
      const elapsed = Math.floor((Date.now() - AS_OF) / 1000) - Number(headers.get('age'));
      assert.ok(elapsed >= 0 && elapsed < 60, `Age is ${headers.get('age')}`);
    }
  }
  const cached = (await get(two, 'read:A')).headers;
  const maxAge = Number(/max-age=(\d+)/.exec(cached.get('cache-control')!)![1]);
  const left = maxAge - Number(cached.get('age'));
  assert.ok(left > 200 && left <= 300, `HTTP caches may use the value for another ${left} s`);
});

test('a value without an origin has no header about it', async () => {
  for (const [writer, reader] of pairs) {
    await put(writer, 'read:B', '1', { query: `?asOf=${ISO}&source=ibkr` });
    await put(writer, 'read:B', '2');
    const { headers } = await get(reader, 'read:B');
    assert.deepEqual([headers.get('last-modified'), headers.get('ratecache-source')], [null, null]);
    assert.ok(Number(headers.get('age')) < 60);
  }
});

test('PUT takes Last-Modified, and asOf in any time zone', async () => {
  const cases = [
    { headers: { 'last-modified': HTTP_DATE }, query: '' },
    { headers: {}, query: '?asOf=2017-09-27T14:20:00%2B02:00' },
    { headers: { 'last-modified': HTTP_DATE }, query: `?asOf=${ISO}` },
  ];
  for (const [writer, reader] of pairs)
    for (const options of cases) {
      await put(writer, 'zone:A', '1', options);
      const { results } = await jsonOf(await post(reader, '/v1/mget', { keys: ['zone:A'] }));
      const asOf = options.query === `?asOf=${ISO}` ? AS_OF : Math.floor(AS_OF / 1000) * 1000;
      assert.equal(results[0].asOf, asOf, options.query);
      assert.equal(results[0].source, undefined);
    }
});

test('a malformed or future origin is refused, and nothing is written', async () => {
  const inTwoMinutes = new Date(Date.now() + 120_000);
  const cases: [query: string, field: string, headers?: Record<string, string>][] = [
    ['?asOf=yesterday', 'asOf'],
    ['?asOf=2017-09-27', 'asOf'],
    ['?asOf=2017-09-27T12:20:00', 'asOf'],
    ['?asOf=2017-02-30T12:20:00Z', 'asOf'],
    ['?asOf=1969-12-31T23:59:59Z', 'asOf'],
    [`?asOf=${inTwoMinutes.toISOString()}`, 'asOf'],
    ['', 'asOf', { 'last-modified': inTwoMinutes.toUTCString() }],
    ['', 'Last-Modified', { 'last-modified': 'yesterday' }],
    ['', 'Last-Modified', { 'last-modified': 'Tue, 27 Sep 2017 12:20:00 GMT' }],
    [`?asOf=${ISO}`, 'asOf', { 'last-modified': 'Wed, 27 Sep 2017 12:20:01 GMT' }],
    ['?source=', 'source'],
    ['?source=a%20b', 'source'],
    ['?source=-a', 'source'],
    [`?source=${'a'.repeat(65)}`, 'source'],
  ];
  for (const [writer] of pairs)
    for (const [query, field, headers = {}] of cases) {
      await assertProblem(await put(writer, 'fault:A', '1', { query, headers }), 'origin_invalid', field);
      assert.equal((await get(writer, 'fault:A')).status, 404, query);
    }
});

test('If-Unmodified-Since refuses a change if the stored data is newer', async () => {
  const second = Math.floor(AS_OF / 1000) * 1000;
  const date = (ms: number) => ({ 'if-unmodified-since': new Date(ms).toUTCString() });
  for (const [writer, reader] of pairs) {
    const key = 'since:A';
    assert.equal((await put(writer, key, '0', { headers: date(1000) })).status, 201, 'the key is absent');
    assert.equal(
      (await put(writer, key, '1', { headers: date(1000), query: `?asOf=${ISO}` })).status,
      204,
      'the stored value does not say when it is from',
    );
    const refused = await put(reader, key, '2', { headers: date(second - 1000) });
    assert.match(refused.headers.get('etag')!, /^"[0-9a-f]{24}"$/);
    await assertProblem(refused, 'precondition_failed');
    await assertProblem(await del(reader, key, date(second - 1000)), 'precondition_failed');
    const older = { headers: date(second), query: `?asOf=${new Date(AS_OF - 1).toISOString()}` };
    await assertProblem(await put(reader, key, '3', older), 'precondition_failed');
    assert.equal(await (await get(reader, key)).text(), '1');
    const equal = { headers: date(second), query: `?asOf=${ISO}` };
    assert.equal((await put(reader, key, '4', equal)).status, 204);
    assert.equal((await put(reader, key, '5', { ...equal, headers: date(second) })).status, 204);
    assert.equal((await del(reader, key, date(second))).status, 204, 'a date covers its second');
  }
});

test('a malformed or second condition is refused', async () => {
  for (const [writer] of pairs) {
    for (const value of ['yesterday', '2017-09-27T12:20:00Z', 'Wed, 27 Sep 2017 12:20:00 UTC'])
      await assertProblem(
        await put(writer, 'since:B', '1', { headers: { 'if-unmodified-since': value } }),
        'bad_request',
        'If-Unmodified-Since',
      );
    const both = { 'if-unmodified-since': HTTP_DATE, 'if-match': '*' };
    await assertProblem(await put(writer, 'since:B', '1', { headers: both }), 'bad_request', 'If-Match');
  }
});

test('mset writes the origin and ifNewer, and mget returns the origin, in both encodings', async () => {
  for (const [writer, reader] of pairs)
    for (const encode of [JSON.stringify, (data: unknown) => new Uint8Array(pack(data))]) {
      const type = encode === JSON.stringify ? 'application/json' : MSGPACK_TYPE;
      const headers = { 'content-type': type, accept: type };
      const ask = async (on: Service, path: string, body: unknown) => {
        const bytes = await bytesOf(await post(on, path, encode(body), headers));
        return (type === MSGPACK_TYPE ? unpackr.unpack(bytes) : JSON.parse(bytes.toString())).results;
      };
      const entry = (key: string, more: object) => ({ key, value: 1, ...more });
      await ask(writer, '/v1/mset', {
        entries: [entry('b:A', ORIGIN), entry('b:B', {}), entry('b:C', ORIGIN), entry('b:D', ORIGIN)],
      });
      const again = await ask(writer, '/v1/mset', {
        entries: [
          entry('b:A', { asOf: AS_OF, ifNewer: true }),
          entry('b:B', { asOf: 1, ifNewer: true, source: 'late' }),
          entry('b:C', { asOf: AS_OF - 1, ifNewer: true }),
          entry('b:D', { ifNewer: true }),
          entry('b:E', { asOf: 1.5 }),
          entry('b:F', { asOf: Date.now() + 120_000 }),
          entry('b:G', { source: 'a b' }),
        ],
      });
      assert.deepEqual(
        again.map(({ status, code }: { status: string; code?: string }) => code ?? status),
        [
          'stored',
          'stored',
          'precondition_failed',
          'origin_invalid',
          'origin_invalid',
          'origin_invalid',
          'origin_invalid',
        ],
      );
      // The second read stores the encoded result, and the third read sends it.
      for (let read = 0; read < 3; read++) {
        const found = await ask(reader, '/v1/mget', { keys: ['b:A', 'b:B', 'b:C'] });
        assert.deepEqual(
          found.map(({ asOf, source }: typeof ORIGIN) => [asOf, source]),
          [
            [AS_OF, undefined],
            [1, 'late'],
            [AS_OF, 'ibkr'],
          ],
        );
        assert.equal(typeof found[0].ttl, 'number');
      }
    }
});

test('an ifNewer that is not true is an error of the whole batch', async () => {
  const entries = [{ key: 'b:X', value: 1, asOf: 1, ifNewer: false }];
  await assertProblem(await post(one, '/v1/mset', { entries }), 'body_invalid', 'entries[0].ifNewer');
});

for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL])
  test(`${protocol}: requests, snapshots and updates carry the origin`, async (t) => {
    for (const [writer, reader] of pairs) {
      const [here, there] = [
        await connectWs(writer, { protocol }),
        await connectWs(reader, { protocol }),
      ] as const;
      t.after(() => Promise.all([here.close(), there.close()]));
      const key = `ws:${protocol}`;
      const set = (more: object) => here.request('set', { key, value: 1, ...more });
      assert.equal((await set({ ...ORIGIN, ifNewer: true })).status, 'created');
      const { asOf, source, ttl } = await there.request('get', { key });
      assert.deepEqual([Number(asOf), source], [AS_OF, 'ibkr']);
      assert.ok(ttl > 0);
      const { results } = await there.request('mget', { keys: [key] });
      assert.deepEqual([Number(results[0].asOf), results[0].source], [AS_OF, 'ibkr']);
      for (const values of [true, false]) {
        const { items } = await there.subscribe({ id: `s${values}`, keys: [key], values });
        assert.deepEqual([Number(items[0]!.asOf), items[0]!.source], [AS_OF, 'ibkr']);
      }
      const refused = await set({ asOf: AS_OF - 1, ifNewer: true });
      assert.deepEqual([refused.ok, refused.code], [false, 'precondition_failed']);
      for (const [more, field] of [
        [{ ifNewer: true }, 'ifNewer'],
        [{ asOf: 'now' }, 'asOf'],
        [{ asOf: 0 }, 'asOf'],
        [{ source: 1 }, 'source'],
      ] as const) {
        const { code, field: named } = await set(more);
        assert.deepEqual([code, named], ['origin_invalid', field]);
      }
      const two = await set({ asOf: AS_OF, ifNewer: true, ifAbsent: true });
      assert.equal(two.code, 'frame_invalid');
      await set({ asOf: AS_OF + 1, source: 'feed', ifNewer: true });
      const update = await there.nextEvent(({ event }) => event === 'update');
      assert.deepEqual([update.key, Number(update.asOf), update.source], [key, AS_OF + 1, 'feed']);
      assert.equal(update.value, 1);
      await set({});
      const plain = await there.nextEvent(({ event }) => event === 'update');
      assert.ok(!('asOf' in plain) && !('source' in plain));
    }
  });
