import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { type CacheMember, cacheStatus } from '../support/cache-status.ts';
import { bytesOf, get, JSON_TYPE, jsonOf, MSGPACK_TYPE, pathOf, put, readIntoL1 } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { assertProblem, assertRawProblem } from '../support/problem.ts';
import { whileFrozen } from '../support/while-frozen.ts';

const BINARY = pack(Buffer.from([0x00, 0xff, 0x80]));

let redis: RedisServer;
let near: Service;
/** L1 of `far` lacks the values that tests write at `near`; its copies are fresh for one second. */
let far: Service;
let alone: Service;

before(async () => {
  redis = await startRedis();
  [near, far, alone] = await Promise.all([
    startReplica(redis),
    startReplica(redis, { LOCAL_CACHE_TTL: '1', REDIS_COMMAND_TIMEOUT_MS: '800' }),
    startService({ standalone: true, env: { ...PATIENT, HTTP_MAX_AGE: 'ttl' } }),
  ]);
});

after(async () => {
  await Promise.all([near?.stop(), far?.stop(), alone?.stop()]);
  await redis?.stop();
});

test('a hit in L1 carries the value, its ETag, its age and its tier', async () => {
  const written = await put(near, 'borrow_rate:L1', '{"rate":0.0525}');
  await readIntoL1(near, 'borrow_rate:L1');
  const response = await get(near, 'borrow_rate:L1');
  assert.equal(response.status, 200);
  assert.equal(await response.text(), '{"rate":0.0525}');
  const { headers } = response;
  assert.match(headers.get('etag') ?? '', /^"[0-9a-f]{24}"$/);
  assert.equal(headers.get('etag'), written.headers.get('etag'));
  assert.equal(headers.get('content-type'), JSON_TYPE);
  assert.equal(headers.get('vary'), 'Accept');
  assert.equal(headers.get('cache-control'), 'no-cache');
  assert.match(headers.get('age')!, /^\d$/);
  assertHit(cacheStatus(headers.get('cache-status')), 60);
});

test('a hit in L2 carries the same headers, names L2, and fills L1', async () => {
  const written = await put(near, 'min_rate:L2', '0.0025');
  const first = await get(far, 'min_rate:L2');
  assert.equal(first.status, 200);
  assert.equal(await first.text(), '0.0025');
  assert.equal(first.headers.get('etag'), written.headers.get('etag'));
  assert.equal(first.headers.get('vary'), 'Accept');
  assert.equal(first.headers.get('cache-control'), 'no-cache');
  const [origin, closest, ...more] = cacheStatus(first.headers.get('cache-status'));
  assert.deepEqual(more, []);
  const { ttl, ...rest } = origin!;
  assert.deepEqual(rest, { cache: 'ratecache-l2', hit: true });
  assert.ok(Number(ttl) > 86_390 && Number(ttl) <= 86_400, `ttl=${ttl}`);
  assert.deepEqual(closest, { cache: 'ratecache-l1', fwd: 'miss', stored: true });

  // A busy machine may need more than the second for which the copy is fresh.
  const second = await until(async () => {
    await readIntoL1(far, 'min_rate:L2');
    const again = await get(far, 'min_rate:L2');
    return again.headers.get('cache-status')!.startsWith('ratecache-l2') ? undefined : again;
  });
  assert.equal(await second.text(), '0.0025');
  assertHit(cacheStatus(second.headers.get('cache-status')), 1);
});

test('a miss names the tiers that were read', async () => {
  const response = await get(near, 'borrow_rate:NOWHERE');
  assert.deepEqual(cacheStatus(response.headers.get('cache-status')), [
    { cache: 'ratecache-l2', fwd: 'uri-miss' },
    { cache: 'ratecache-l1', fwd: 'uri-miss' },
  ]);
  await assertProblem(response, 'cache_miss');

  const standalone = await get(alone, 'borrow_rate:NOWHERE');
  assert.deepEqual(cacheStatus(standalone.headers.get('cache-status')), [
    { cache: 'ratecache-l1', fwd: 'uri-miss' },
  ]);
  await assertProblem(standalone, 'cache_miss');
});

test('standalone, a value is fresh until it expires', async () => {
  await put(alone, 'event_risk:ALONE', '7');
  const response = await get(alone, 'event_risk:ALONE');
  assert.equal(await response.text(), '7');
  assertHit(cacheStatus(response.headers.get('cache-status')), 3_600);
});

test('as a value ages, Age grows and the remaining freshness shrinks at every replica', async () => {
  await put(near, 'volatility:AGE', '0.3');
  const aged = await until(async () => {
    const response = await get(near, 'volatility:AGE');
    await response.text();
    return Number(response.headers.get('age')) >= 1 ? response : undefined;
  });
  assert.equal(aged.headers.get('cache-control'), 'no-cache');
  assertHit(cacheStatus(aged.headers.get('cache-status')), 59);
  // The copy at the other replica is never older than a second. Both replicas report the age of the value.
  const age = Number(aged.headers.get('age')) + 1;
  await until(async () => Number((await get(far, 'volatility:AGE')).headers.get('age')) >= age);
});

test('L1 reads from L2 again when its copy is stale', async () => {
  await put(near, 'fresh:ONCE', '1');
  await (await get(far, 'fresh:ONCE')).text();
  await until(async () => {
    const response = await get(far, 'fresh:ONCE');
    await response.text();
    return cacheStatus(response.headers.get('cache-status'))[0]!.cache === 'ratecache-l2';
  });
});

test('with HTTP_MAX_AGE=ttl, HTTP caches may use a value as long as it lives', async () => {
  await put(alone, 'volatility:LIFE', '0.3', { query: '?ttl=77.5' });
  const response = await get(alone, 'volatility:LIFE');
  assert.equal(response.headers.get('cache-control'), 'max-age=77');
});

test('HEAD returns the status and the headers of GET without a body', async (t) => {
  await put(near, 'head:HIT', '"text"');
  const connection = await connect(near.port);
  t.after(() => connection.destroy());
  for (const key of ['head:HIT', 'head:MISS', '%zz']) {
    const request = (method: string) => `${method} /v1/cache/${key} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const [head, body] = await until(async () => {
      await connection.send(request('HEAD'));
      const [head] = await connection.readResponses(1, undefined, { head: true });
      await connection.send(request('GET'));
      const [body] = await connection.readResponses(1);
      // The clock may have reached the next second between the two requests.
      const same = ['date', 'age', 'cache-status'].every((n) => head!.headers[n] === body!.headers[n]);
      return same ? [head!, body!] : undefined;
    });
    assert.equal(head!.status, body!.status, key);
    assert.deepEqual(head!.headers, body!.headers, key);
    assert.equal(head!.headers['content-length'], String(body!.body.length), key);
  }
});

test('HEAD loads from L2 as GET does', async () => {
  await put(near, 'head:L2', '[1,2,3]');
  const head = await far.fetch(pathOf('head:L2'), { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), '7');
  assert.equal(cacheStatus(head.headers.get('cache-status'))[0]!.cache, 'ratecache-l2');
});

test('If-None-Match that matches the version, alone, in a list, weakly or by *, returns 304', async () => {
  const written = await put(near, 'etag:A', '1');
  const etag = written.headers.get('etag')!;
  for (const service of [near, far]) {
    for (const header of [etag, `"x", ${etag}, "y"`, `W/${etag}`, `"x",W/${etag}`, '*', ' * ']) {
      const response = await get(service, 'etag:A', { 'if-none-match': header });
      assert.equal(response.status, 304, header);
      assert.equal(await response.text(), '');
      assert.equal(response.headers.get('etag'), etag);
      assert.equal(response.headers.get('vary'), 'Accept');
      assert.equal(response.headers.get('cache-control'), 'no-cache');
      assert.equal(response.headers.get('content-length'), null);
      cacheStatus(response.headers.get('cache-status'));
    }
  }
});

test('If-None-Match that does not match returns the value, or the miss of a missing key', async () => {
  const first = await put(near, 'etag:B', '1');
  await put(near, 'etag:B', '2');
  for (const header of [first.headers.get('etag')!, '"x"', 'nonsense', '""']) {
    const response = await get(near, 'etag:B', { 'if-none-match': header });
    assert.equal(response.status, 200, header);
    assert.equal(await response.text(), '2');
  }
  await assertProblem(await get(near, 'etag:NONE', { 'if-none-match': '*' }), 'cache_miss');
});

test('HEAD supports If-None-Match', async () => {
  const etag = (await put(near, 'etag:HEAD', '1')).headers.get('etag')!;
  const init = { method: 'HEAD', headers: { 'if-none-match': etag } };
  assert.equal((await near.fetch(pathOf('etag:HEAD'), init)).status, 304);
});

test('Accept selects JSON or msgpack by its q-values, and JSON if they are equal', async () => {
  await put(near, 'accept:BOTH', '{"a":[1,2.5,"x"]}');
  const cases: [accept: string, type: string][] = [
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    [JSON_TYPE, JSON_TYPE],
    [MSGPACK_TYPE, MSGPACK_TYPE],
    ['application/msgpack', MSGPACK_TYPE],
    ['application/x-msgpack', MSGPACK_TYPE],
    [`${MSGPACK_TYPE};q=0.9, ${JSON_TYPE};q=0.5`, MSGPACK_TYPE],
    [`${MSGPACK_TYPE};q=0.5, ${JSON_TYPE};q=0.9`, JSON_TYPE],
    [`text/html, ${MSGPACK_TYPE};q=0.1`, MSGPACK_TYPE],
    [`${JSON_TYPE};q=0, */*;q=0.1`, MSGPACK_TYPE],
    [`text/html,application/xhtml+xml,*/*;q=0.8`, JSON_TYPE],
    [`${JSON_TYPE}; charset=utf-8`, JSON_TYPE],
    [`${JSON_TYPE};charset="a,b;q=0";q=0.5, ${MSGPACK_TYPE};v=1;q=0.9`, MSGPACK_TYPE],
  ];
  for (const service of [near, far]) {
    for (const [accept, type] of cases) {
      const response = await get(service, 'accept:BOTH', { accept });
      assert.equal(response.status, 200, accept);
      assert.equal(response.headers.get('content-type'), type, accept);
      assert.equal(response.headers.get('vary'), 'Accept');
      const body = await bytesOf(response);
      const value = type === JSON_TYPE ? JSON.parse(body.toString()) : unpack(body);
      assert.deepEqual(value, { a: [1, 2.5, 'x'] }, accept);
    }
  }
});

test('a later Accept line applies if the first accepts neither encoding', async (t) => {
  await put(near, 'accept:LINES', '1');
  const connection = await connect(near.port);
  t.after(() => connection.destroy());
  const mget = '{"keys":["accept:LINES"]}';
  for (const [type, line] of [
    [JSON_TYPE, `${JSON_TYPE};q=0.1`],
    [MSGPACK_TYPE, MSGPACK_TYPE],
  ]) {
    const headers = `Host: x\r\nAccept: text/html\r\nAccept: ${line}`;
    for (const request of [
      `GET /v1/cache/accept:LINES HTTP/1.1\r\n${headers}\r\n\r\n`,
      `GET /v1/keys HTTP/1.1\r\n${headers}\r\n\r\n`,
      `POST /v1/mget HTTP/1.1\r\n${headers}\r\nContent-Type: application/json\r\nContent-Length: ${mget.length}\r\n\r\n${mget}`,
    ]) {
      await connection.send(request);
      const [answer] = await connection.readResponses(1);
      assert.equal(answer!.status, 200, request);
      assert.equal(answer!.headers['content-type'], type, request);
    }
  }
});

test('a value written as msgpack is returned as JSON to a client that prefers JSON', async () => {
  await put(near, 'accept:PACKED', pack({ rate: 0.5 }), { headers: { 'content-type': MSGPACK_TYPE } });
  for (const service of [near, far]) {
    const json = await get(service, 'accept:PACKED');
    assert.equal(json.headers.get('content-type'), JSON_TYPE);
    assert.equal(await json.text(), '{"rate":0.5}');
    const packed = await get(service, 'accept:PACKED', { accept: MSGPACK_TYPE });
    assert.deepEqual(await bytesOf(packed), pack({ rate: 0.5 }));
  }
});

test('an Accept that allows neither JSON nor msgpack is rejected', async () => {
  await put(near, 'accept:NEITHER', '1');
  for (const accept of [
    'text/html',
    'image/*, text/plain',
    `${JSON_TYPE};q=0`,
    `${JSON_TYPE}; charset=utf-8; q=0`,
    'nonsense',
  ])
    await assertProblem(await get(near, 'accept:NEITHER', { accept }), 'not_acceptable', 'Accept');
});

test('a value that JSON cannot represent is returned as msgpack, or rejected if only JSON is accepted', async () => {
  await put(near, 'accept:BINARY', BINARY, { headers: { 'content-type': MSGPACK_TYPE } });
  for (const service of [near, far]) {
    for (const accept of ['*/*', `${JSON_TYPE}, */*;q=0.1`]) {
      const response = await get(service, 'accept:BINARY', { accept });
      assert.equal(response.headers.get('content-type'), MSGPACK_TYPE);
      assert.deepEqual(await bytesOf(response), BINARY);
    }
    const refused = await get(service, 'accept:BINARY', { accept: JSON_TYPE });
    cacheStatus(refused.headers.get('cache-status'));
    await assertProblem(refused, 'not_acceptable', 'Accept');
  }
});

test('a value that msgpack cannot represent is returned as JSON, or rejected if only msgpack is accepted', async () => {
  await put(near, 'accept:SURROGATE', '"\\ud800"');
  const any = await get(near, 'accept:SURROGATE', { accept: `${MSGPACK_TYPE}, */*;q=0.1` });
  assert.equal(await any.text(), '"\\ud800"');
  const refused = await get(near, 'accept:SURROGATE', { accept: MSGPACK_TYPE });
  await assertProblem(refused, 'not_acceptable', 'Accept');
});

test('any text without control characters is a valid key, in any percent-encoding', async () => {
  const keys = [
    'constructor',
    '__proto__',
    'hasOwnProperty',
    '💸🇨🇭',
    'a/b c',
    'ключ:é',
    '%41',
    '?#&=+',
    '...',
    ':',
    ' ',
    '\ufffd',
  ];
  for (const [i, key] of keys.entries()) {
    const miss = await get(near, key);
    assert.equal(miss.status, 404, `${key} existed before it was written`);
    await miss.text();
    assert.equal((await put(near, key, String(i))).status, 201, key);
  }
  for (const service of [near, far, near])
    for (const [i, key] of keys.entries())
      assert.equal(await (await get(service, key)).text(), String(i), key);
  assert.equal(await (await near.fetch('/v1/cache/a/b%20c')).text(), '4');
  assert.equal(await (await near.fetch('/v1/cache/%63onstructor')).text(), '0');
});

test('a 406 counts as a cache hit and not as an error', async () => {
  for (const service of [near, alone]) {
    await put(service, 'accept:COUNTED', pack(Buffer.from([0])), {
      headers: { 'content-type': MSGPACK_TYPE },
    });
    const before = await getCounts(service);
    await assertProblem(
      await get(service, 'accept:COUNTED', { accept: JSON_TYPE }),
      'not_acceptable',
      'Accept',
    );
    const after = await getCounts(service);
    assert.deepEqual(after, { ...before, hit: before.hit + 1, timed: before.timed + 1 });
  }
});

test('the latency histogram counts every GET once, in alternating encodings', async () => {
  for (const service of [near, alone]) {
    await put(service, 'timed:A', '[1]');
    await readIntoL1(service, 'timed:A');
    for (const accepts of [[JSON_TYPE, MSGPACK_TYPE], [MSGPACK_TYPE, JSON_TYPE], [JSON_TYPE], [MSGPACK_TYPE]])
      for (const gets of [1, 63, 130]) {
        const before = await getCounts(service);
        for (let i = 0; i < gets; i++)
          await (await get(service, 'timed:A', { accept: accepts[i % accepts.length]! })).arrayBuffer();
        const after = await getCounts(service);
        assert.deepEqual(after, { ...before, hit: before.hit + gets, timed: before.timed + gets });
      }
  }
});

test('every method rejects a key that is empty, too long, not UTF-8 or has a control character', async () => {
  const paths = [
    '',
    '%00',
    'a%0Ab',
    '%7F',
    '%C2%85',
    '%',
    '%zz',
    'a%2',
    '%C3',
    '%FF',
    '%ED%A0%80',
    'x'.repeat(513),
  ];
  for (const service of [near, alone]) {
    for (const path of [...paths, encodeURIComponent('é'.repeat(257))]) {
      const url = `/v1/cache/${path}`;
      await assertProblem(await service.fetch(url), 'key_invalid', 'key');
      await assertProblem(await service.fetch(url, { method: 'DELETE' }), 'key_invalid', 'key');
      const init = { method: 'PUT', body: '1', headers: { 'content-type': JSON_TYPE } };
      await assertProblem(await service.fetch(url, init), 'key_invalid', 'key');
    }
  }
});

test('a path whose bytes are not UTF-8 is rejected', async (t) => {
  const connection = await connect(near.port);
  t.after(() => connection.destroy());
  for (const request of [
    'GET /v1/cache/raw\xe9 HTTP/1.1',
    'PUT /v1/cache/raw\xe9 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1',
  ]) {
    const body = request.startsWith('PUT') ? '1' : '';
    await connection.send(Buffer.from(`${request}\r\nHost: x\r\n\r\n${body}`, 'latin1'));
    const [response] = await connection.readResponses(1);
    assertRawProblem(response!, 'key_invalid', 'key');
  }
});

test('a key may have 512 bytes of UTF-8', async () => {
  for (const key of ['x'.repeat(512), '💸'.repeat(128)]) {
    assert.equal((await put(near, key, '1')).status, 201);
    assert.equal((await get(far, key)).status, 200);
  }
});

test("with ?fallback=min_rate a missing borrow rate returns the ticker's minimum rate, marked", async () => {
  const minimum = await put(near, 'min_rate:SUB A/1', '0.0025');
  for (const service of [far, near, far]) {
    const response = await service.fetch(`${pathOf('borrow_rate:SUB A/1')}?fallback=min_rate`);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '0.0025');
    const { headers } = response;
    assert.equal(headers.get('content-location'), pathOf('min_rate:SUB A/1'));
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('etag'), minimum.headers.get('etag'));
    assert.equal(headers.get('vary'), 'Accept');
    assert.equal(cacheStatus(headers.get('cache-status')).at(-1)!.fallback, true);
  }
  const head = await near.fetch(`${pathOf('borrow_rate:SUB A/1')}?fallback=min_rate`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-location'), pathOf('min_rate:SUB A/1'));
  assert.equal(await (await near.fetch(head.headers.get('content-location')!)).text(), '0.0025');
});

test('with ?fallback=min_rate an existing borrow rate is returned unmarked', async () => {
  await put(near, 'borrow_rate:OWN', '0.05');
  await put(near, 'min_rate:OWN', '0.0025');
  for (const service of [near, far, far]) {
    const response = await service.fetch(`${pathOf('borrow_rate:OWN')}?fallback=min_rate`);
    assert.equal(await response.text(), '0.05');
    assert.equal(response.headers.get('content-location'), null);
    assert.equal(response.headers.get('cache-control'), 'no-cache');
  }
});

test('with ?fallback=min_rate a miss stays a miss without a minimum rate or for another type', async () => {
  await put(near, 'min_rate:VOL', '0.0025');
  for (const key of ['borrow_rate:NEITHER', 'volatility:VOL', 'min_rate:NEITHER', 'other']) {
    const response = await near.fetch(`${pathOf(key)}?fallback=min_rate`);
    assert.equal(response.headers.get('content-location'), null);
    await assertProblem(response, 'cache_miss');
  }
});

test('a misspelt parameter of a read that misses L1 is rejected with a suggestion', async () => {
  const missing = `${pathOf('borrow_rate:MISSPELT')}`;
  for (const service of [near, alone]) {
    const refused = await service.fetch(`${missing}?fallbak=min_rate`);
    assert.match(await assertProblem(refused, 'query_invalid', 'fallbak'), /did you mean "fallback"/);
    const twice = await service.fetch(`${missing}?fallback=min_rate&fallback=min_rate`);
    await assertProblem(twice, 'query_invalid', 'fallback');
  }
});

test('a fallback other than min_rate is rejected', async () => {
  for (const query of ['fallback=max_rate', 'fallback='])
    await assertProblem(
      await near.fetch(`${pathOf('borrow_rate:ODD')}?${query}`),
      'query_invalid',
      'fallback',
    );
});

test('both tiers preserve every byte of a JSON value', async () => {
  const texts: Record<string, string> = {
    'white space': ' {\r\n\t"a" :\t[ 1 , 2 ] }\n',
    'a big integer': '12345678901234567890123',
    'a big integer inside': '{"id":9007199254740993}',
    'minus zero': '-0',
    'minus zero inside': '[-0,-0.0,0e0]',
    'beyond doubles': '1e400',
    'many decimals': '0.1000000000000000055511151231257827021181583404541015625',
    'an exponent': '[1E+2,1e-2]',
    escapes: '"\\u0041\\/\\b\\f\\n\\r\\t\\"\\\\\\u0000"',
    'lone surrogates': '["\\ud800","\\udc00\\ud800"]',
    'repeated names': '{"a":1,"a":2}',
    'empty names': '{"":{"":[]}}',
    'names of Object': '{"__proto__":1,"constructor":2,"toString":null}',
    'deep arrays': '['.repeat(10_000) + ']'.repeat(10_000),
    'deep objects': `${'{"a":'.repeat(10_000)}null${'}'.repeat(10_000)}`,
    'beyond ASCII': '{"名前":"Zürich – 💸"}',
    'beyond ASCII, unescaped controls': '"\u0080\u2028\u2029\uffff\ufeff"',
    'null alone': 'null',
    'an empty text': '""',
    '64 KiB': JSON.stringify('x'.repeat(64 * 1024 - 2)),
    '64 KiB that do not compress': JSON.stringify(Array.from({ length: 3_500 }, () => Math.random())),
    '1 MiB': JSON.stringify('y'.repeat(1024 * 1024 - 2)),
    '1 MiB beyond ASCII': JSON.stringify('é'.repeat(512 * 1024 - 1)),
  };
  for (const [name, text] of Object.entries(texts)) {
    const key = `bytes:${name}`;
    assert.equal((await put(near, key, text)).status, 201, name);
    for (const service of [near, far, far]) {
      const response = await get(service, key, { accept: JSON_TYPE });
      assert.ok((await bytesOf(response)).equals(Buffer.from(text)), name);
    }
  }
});

test('while Redis does not answer, L1 serves its entries and marks stale ones', async () => {
  await Promise.all([reachesRedis(near), reachesRedis(far)]);
  await holdsInL1('kept:FROZEN', near, far);
  await whileFrozen(redis, async () => {
    const fresh = await get(near, 'kept:FROZEN');
    assert.equal(await fresh.text(), '"kept"');
    const [{ ttl: left, ...hit }, ...others] = cacheStatus(fresh.headers.get('cache-status')) as [
      CacheMember,
    ];
    assert.deepEqual([hit, others], [{ cache: 'ratecache-l1', hit: true }, []]);
    assert.ok(Number(left) > 0, `ttl=${left}`);

    const stale = await until(async () => {
      const response = await get(far, 'kept:FROZEN');
      assert.equal(await response.text(), '"kept"');
      const { detail, ttl } = cacheStatus(response.headers.get('cache-status'))[0]!;
      return detail !== undefined && Number(ttl) < 0 ? response : undefined;
    });
    const [member, ...more] = cacheStatus(stale.headers.get('cache-status'));
    assert.deepEqual(more, []);
    const { ttl: _, detail, coherence: __, ...rest } = member!;
    assert.deepEqual(rest, { cache: 'ratecache-l1', hit: true });
    assert.match(String(detail), /^l2-(timeout|unavailable)$/);
  });
});

test('while Redis does not answer, a miss reports that the key may exist', async () => {
  await reachesRedis(near);
  await put(near, 'unknown:A', '1');
  await whileFrozen(redis, async () => {
    const response = await get(far, 'unknown:A');
    const [member, ...more] = cacheStatus(response.headers.get('cache-status'));
    assert.deepEqual(more, []);
    const { detail, coherence: _, ...rest } = member!;
    assert.deepEqual(rest, { cache: 'ratecache-l1', fwd: 'uri-miss' });
    assert.match(String(detail), /^l2-(timeout|unavailable)$/);
    assert.match(await assertProblem(response, 'cache_unknown'), /Redis/);
  });
  await until(async () => (await get(far, 'unknown:A')).status === 200);
});

test('while Redis is unreachable, L1 serves its entries; Redis is used again after it restarts', async () => {
  await reachesRedis(far);
  await holdsInL1('kept:GONE', far);
  await redis.signal('SIGKILL');
  const stale = await until(async () => {
    const response = await get(far, 'kept:GONE');
    assert.equal(await response.text(), '"kept"');
    // A read sent before the connection broke timed out instead.
    return cacheStatus(response.headers.get('cache-status'))[0]!.detail === 'l2-unavailable'
      ? response
      : undefined;
  });
  const { ttl: _, coherence: __, ...member } = cacheStatus(stale.headers.get('cache-status'))[0]!;
  assert.deepEqual(member, { cache: 'ratecache-l1', hit: true, detail: 'l2-unavailable' });

  const missing = await get(far, 'gone:B');
  const [unknown, ...more] = cacheStatus(missing.headers.get('cache-status'));
  assert.deepEqual(more, []);
  const { coherence: ___, ...missed } = unknown!;
  assert.deepEqual(missed, { cache: 'ratecache-l1', fwd: 'uri-miss', detail: 'l2-unavailable' });
  assert.match(await assertProblem(missing, 'cache_unknown'), /Redis was not used/);

  await redis.restart();
  await Promise.all([reachesRedis(far), reachesRedis(near)]);
  assert.equal((await put(near, 'gone:B', '1')).status, 201);
  assert.equal(await jsonOf(await get(far, 'gone:B')), 1);
});

/** Writes the key at `near`. Waits until these services have it in L1 and have received its invalidation. */
async function holdsInL1(key: string, ...services: Service[]): Promise<void> {
  await put(near, key, '"kept"', { query: '?ttl=600' });
  for (const service of services) {
    await heardAll(service);
    await readIntoL1(service, key);
  }
}

function assertHit(members: CacheMember[], freshSeconds: number): void {
  assert.equal(members.length, 1);
  const { ttl, ...rest } = members[0]!;
  assert.deepEqual(rest, { cache: 'ratecache-l1', hit: true });
  assert.ok(Number(ttl) <= freshSeconds && Number(ttl) >= freshSeconds - 10, `ttl=${ttl}`);
}

/** The number of reads by outcome, and the number in the latency histogram. */
async function getCounts(service: Service): Promise<{ hit: number; error: number; timed: number }> {
  const text = await (await service.fetch('/metrics')).text();
  const value = (line: string) =>
    Number(
      text
        .split('\n')
        .find((each) => each.startsWith(`${line} `))!
        .split(' ')[1],
    );
  return {
    hit: value('cache_service_requests_total{operation="get",status="hit"}'),
    error: value('cache_service_requests_total{operation="get",status="error"}'),
    timed: value('cache_service_request_duration_seconds_count{operation="get"}'),
  };
}
