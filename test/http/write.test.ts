import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { cacheStatus } from '../support/cache-status.ts';
import { bytesOf, del, get, JSON_TYPE, jsonOf, MSGPACK_TYPE, pathOf, post, put } from '../support/client.ts';
import { assertProblem, assertRawProblem } from '../support/problem.ts';
import { whileFrozen } from '../support/while-frozen.ts';
import { connectWs, JSON_PROTOCOL, MSGPACK_PROTOCOL } from '../support/ws-client.ts';

const LIMIT = 64 * 1024;
const DEFAULT_TTL = { CALCULATION_RESULT_TTL: '60' };
const PREFIX = 'borrow_rate_engine:';

let redis: RedisServer;
let one: Service;
let two: Service;
/** A replica without pending writes: a change that Redis does not apply fails. */
let strict: Service;
let alone: Service;
let services: Service[];

before(async () => {
  redis = await startRedis();
  [one, two, strict, alone] = await Promise.all([
    startReplica(redis, { MAX_VALUE_BYTES: String(LIMIT), HTTP_MAX_AGE: 'ttl', ...DEFAULT_TTL }),
    startReplica(redis, { REDIS_COMMAND_TIMEOUT_MS: '800' }),
    startReplica(redis, { REDIS_COMMAND_TIMEOUT_MS: '800', PENDING_WRITES_MAX_ENTRIES: '0' }),
    startService({
      standalone: true,
      env: { ...PATIENT, MAX_VALUE_BYTES: String(LIMIT), HTTP_MAX_AGE: 'ttl', ...DEFAULT_TTL },
    }),
  ]);
  services = [one, alone];
});

after(async () => {
  await Promise.all([one?.stop(), two?.stop(), strict?.stop(), alone?.stop()]);
  await redis?.stop();
});

test('PUT returns 201 for a new key and 204 for an existing key, with the ETag of the value', async () => {
  for (const service of services) {
    const created = await put(service, 'put:A', '1');
    assert.equal(created.status, 201);
    assert.equal(await created.text(), '');
    assert.match(created.headers.get('etag') ?? '', /^"[0-9a-f]{24}"$/);
    const replaced = await put(service, 'put:A', '2');
    assert.equal(replaced.status, 204);
    assert.equal(replaced.headers.get('content-length'), null);
    assert.ok(replaced.headers.get('etag')! > created.headers.get('etag')!, 'versions grow');
    assert.equal((await get(service, 'put:A')).headers.get('etag'), replaced.headers.get('etag'));
  }
});

test('a connection stays usable after 204', async (t) => {
  const connection = await connect(alone.port);
  t.after(() => connection.destroy());
  const write =
    'PUT /v1/cache/put:AGAIN HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n42';
  for (const status of [201, 204, 204]) {
    await connection.send(write);
    const [response] = await connection.readResponses(1);
    assert.equal(response!.status, status);
  }
});

test('one replica reads values that another wrote', async () => {
  await put(one, 'put:B', '{"from":"one"}');
  assert.deepEqual(await jsonOf(await get(two, 'put:B')), { from: 'one' });
});

test('PUT accepts a chunked body', async (t) => {
  const connection = await connect(one.port);
  t.after(() => connection.destroy());
  const head =
    'PUT /v1/cache/put:CHUNKED HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
  await connection.send(`${head}3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n`);
  const [response] = await connection.readResponses(1);
  assert.equal(response!.status, 201);
  assert.equal(await (await get(two, 'put:CHUNKED')).text(), '[1,2]');
});

test('a value has the TTL of its type, or the TTL of ?ttl', async () => {
  for (const service of services) {
    for (const [key, query, seconds] of [
      ['borrow_rate:TTL', '', 300],
      ['anything', '', 60],
      ['borrow_rate:TTL', '?ttl=70', 70],
      ['borrow_rate:TTL', '?ttl=86400', 86_400],
      ['borrow_rate:TTL', '?ttl=62.5', 62],
      ['borrow_rate:TTL', '?ttl=315360000', 315_360_000],
    ] as const) {
      const response = await put(service, key, '1', { query });
      assert.ok(response.ok, query);
      const cacheControl = (await get(service, key)).headers.get('cache-control');
      assert.equal(cacheControl, `max-age=${seconds}`, `${key}${query}`);
    }
  }
  const left = Number(await redis.cli('PTTL', `${PREFIX}borrow_rate:TTL`));
  assert.ok(left > 315_000_000_000 && left <= 315_360_000_000, `${left}`);
});

test('?ttl accepts only a positive number of seconds with at most three decimals', async () => {
  const bad = [
    '0',
    '0.0001',
    '-1',
    '+1',
    '1e3',
    '0x10',
    ' 1',
    '1 ',
    '',
    'abc',
    'NaN',
    'Infinity',
    '315360001',
    '1.2345',
    '1,5',
  ];
  for (const service of services) {
    for (const ttl of bad) {
      const query = `?ttl=${encodeURIComponent(ttl)}`;
      await assertProblem(await put(service, 'put:TTL', '1', { query }), 'ttl_invalid', 'ttl');
    }
    assert.equal((await get(service, 'put:TTL')).status, 404, 'nothing was stored');
    for (const ttl of ['1.2345', '1e3']) {
      const refused = await put(service, 'put:TTL', '1', { query: `?ttl=${ttl}` });
      assert.match(
        await assertProblem(refused, 'ttl_invalid', 'ttl'),
        /at most three decimals$/,
        'the error of a value in range must name another cause',
      );
    }
  }
});

test('an unknown, repeated or empty parameter of a change is rejected by name, and nothing changes', async () => {
  for (const service of services) {
    await put(service, 'put:STRICT', '1');
    for (const [query, field, code] of [
      ['?TTL=60', 'TTL', 'query_invalid'],
      ['?tll=60', 'tll', 'query_invalid'],
      ['?ttl=60&ttl=70', 'ttl', 'query_invalid'],
      ['?ttl=60&ifMatch=x', 'ifMatch', 'query_invalid'],
      ['?__proto__=1', '__proto__', 'query_invalid'],
      ['?ttl', 'ttl', 'ttl_invalid'],
      ['?ttl=', 'ttl', 'ttl_invalid'],
    ] as const) {
      const refused = await assertProblem(await put(service, 'put:STRICT', '2', { query }), code, field);
      if (/^.t/i.test(query) && !query.includes('&') && code === 'query_invalid')
        assert.match(refused, /did you mean "ttl"/);
    }
    for (const name of ['ttl', 'ifMatch', 'If-Match']) {
      const refused = await service.fetch(`${pathOf('put:STRICT')}?${name}=1`, { method: 'DELETE' });
      await assertProblem(refused, 'query_invalid', name);
    }
    assert.equal(await (await get(service, 'put:STRICT')).text(), '1');
  }
});

test('a value expires in both tiers', async () => {
  for (const service of services) {
    const asked = performance.now();
    await put(service, 'put:SHORT', '1', { query: '?ttl=0.3' });
    const status = () => get(service, 'put:SHORT').then((response) => response.status);
    // On a slow machine the value may expire before the first read.
    const seen = await status();
    assert.ok(seen === 200 || performance.now() - asked > 290);
    await until(async () => (await status()) === 404);
  }
});

test('a write of a key with a misspelt type is logged and counted', async () => {
  const counted = async (service: Service) => {
    const text = await (await service.fetch('/metrics')).text();
    return Number(/^ratecache_suspicious_key_types_total (\d+)$/m.exec(text)![1]);
  };
  const warning = 'suspicious_key_type; nearest=borrow_rate';
  for (const service of services) {
    const before = await counted(service);
    for (const status of [201, 204]) {
      const written = await put(service, 'borrowrate:WARN', '1');
      assert.deepEqual([written.status, written.headers.get('ratecache-warning')], [status, warning]);
    }
    const entries = ['borow_rate:WARN', 'borrow_rate:WARN'].map((key) => ({ key, value: 1 }));
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    assert.deepEqual(
      results.map((result: { status: string; warning?: string }) => [result.status, result.warning]),
      [
        ['stored', warning],
        ['stored', undefined],
      ],
    );
    for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL]) {
      const ws = await connectWs(service, { protocol });
      assert.equal((await ws.request('set', { key: 'borrow_rat:WARN', value: 1 })).warning, warning);
      assert.equal('warning' in (await ws.request('set', { key: 'borrow_rate:WARN', value: 1 })), false);
      await ws.close();
    }
    // Failed writes, deletes and correctly spelt types are not counted.
    await put(service, 'borrowrate:WARN', '1', { headers: { 'if-none-match': '*' } });
    await del(service, 'borrowrate:WARN');
    assert.equal((await put(service, 'borrow_rate:WARN', '1')).headers.get('ratecache-warning'), null);
    assert.equal((await counted(service)) - before, 5);
  }
});

test('DELETE returns 204, even for a missing key', async () => {
  for (const service of services) {
    await put(service, 'del:A', '1');
    for (let i = 0; i < 2; i++) {
      const response = await del(service, 'del:A');
      assert.equal(response.status, 204);
      assert.equal(response.headers.get('content-length'), null);
      await assertProblem(await get(service, 'del:A'), 'cache_miss');
    }
  }
  assert.equal(await redis.cli('EXISTS', `${PREFIX}del:A`), '0');
});

test('If-Match applies a change only if it names the stored version', async () => {
  for (const service of services) {
    const first = (await put(service, 'if:MATCH', '1')).headers.get('etag')!;
    const accepted = await put(service, 'if:MATCH', '2', { headers: { 'if-match': `"x", ${first}` } });
    assert.equal(accepted.status, 204);
    const present = accepted.headers.get('etag')!;

    for (const header of [first, `W/${present}`, '"x"', '""', '"a, b", W/"c"']) {
      for (const attempt of [
        await put(service, 'if:MATCH', '3', { headers: { 'if-match': header } }),
        await del(service, 'if:MATCH', { 'if-match': header }),
      ]) {
        assert.equal(attempt.headers.get('etag'), present, 'the ETag is the stored version');
        await assertProblem(attempt, 'precondition_failed');
      }
    }
    assert.equal(await (await get(service, 'if:MATCH')).text(), '2');
    assert.equal((await del(service, 'if:MATCH', { 'if-match': present })).status, 204);
    assert.equal((await get(service, 'if:MATCH')).status, 404);
  }
});

test('If-Match: * applies a change only if the key has a value', async () => {
  for (const service of services) {
    for (const attempt of [
      await put(service, 'if:ANY', '1', { headers: { 'if-match': '*' } }),
      await del(service, 'if:ANY', { 'if-match': '*' }),
    ]) {
      assert.equal(attempt.headers.get('etag'), null);
      await assertProblem(attempt, 'precondition_failed');
    }
    await put(service, 'if:ANY', '1');
    assert.equal((await put(service, 'if:ANY', '2', { headers: { 'if-match': '*' } })).status, 204);
    assert.equal((await del(service, 'if:ANY', { 'if-match': '*' })).status, 204);
  }
});

test('If-None-Match: * applies a change only if the key has no value', async () => {
  for (const service of services) {
    const headers = { 'if-none-match': '*' };
    const created = await put(service, 'if:NONE', '1', { headers });
    assert.equal(created.status, 201);
    const refused = await put(service, 'if:NONE', '2', { headers });
    assert.equal(refused.headers.get('etag'), created.headers.get('etag'));
    await assertProblem(refused, 'precondition_failed');
    assert.equal(await (await get(service, 'if:NONE')).text(), '1');
  }
});

test('If-None-Match with versions applies a change unless it names the stored version', async () => {
  for (const service of services) {
    const first = (await put(service, 'if:NOT', '1')).headers.get('etag')!;
    const refused = await put(service, 'if:NOT', '2', { headers: { 'if-none-match': `"x", ${first}` } });
    assert.equal(refused.headers.get('etag'), first);
    await assertProblem(refused, 'precondition_failed');
    assert.equal((await put(service, 'if:NOT', '2', { headers: { 'if-none-match': '"x"' } })).status, 204);
    assert.equal((await put(service, 'if:NOT', '3', { headers: { 'if-none-match': first } })).status, 204);
  }
});

test('a failed condition returns the stored version, or that the key has no value', async () => {
  for (const service of services) {
    const written = (await put(service, 'if:WHY', '1')).headers.get('etag')!;
    const version = written.slice(1, -1);
    const cases: [key: string, headers: Record<string, string>, detail: string][] = [
      ['if:WHY', { 'if-match': '"x"' }, `the entry has version ${version}`],
      ['if:WHY', { 'if-none-match': written }, `the entry has version ${version}`],
      ['if:WHY', { 'if-none-match': '*' }, `the entry has version ${version}`],
      ['if:NOTHING', { 'if-match': '*' }, 'the key has no value'],
      ['if:NOTHING', { 'if-match': written }, 'the key has no value'],
    ];
    for (const [key, headers, detail] of cases)
      assert.equal(
        await assertProblem(await put(service, key, '2', { headers }), 'precondition_failed'),
        detail,
      );
  }
  await redis.cli('LPUSH', `${PREFIX}if:LIST`, 'a');
  const refused = await put(services[0]!, 'if:LIST', '1', { headers: { 'if-none-match': '*' } });
  assert.match(await assertProblem(refused, 'precondition_failed'), /exists in Redis, but is not a string/);
});

test('a condition accepts a version without quotes', async () => {
  for (const service of services) {
    const first = (await put(service, 'if:BARE', '1')).headers.get('etag')!.slice(1, -1);
    const refused = await put(service, 'if:BARE', '2', { headers: { 'if-none-match': first } });
    await assertProblem(refused, 'precondition_failed');
    const accepted = await put(service, 'if:BARE', '2', { headers: { 'if-match': `"x" ,\t${first}` } });
    assert.equal(accepted.status, 204);
    await assertProblem(await del(service, 'if:BARE', { 'if-match': first }), 'precondition_failed');
    const second = accepted.headers.get('etag')!.slice(1, -1);
    assert.equal((await del(service, 'if:BARE', { 'if-match': `${first}, ${second}` })).status, 204);
  }
});

test('an invalid condition returns 400 with the expected form, and nothing changes', async (t) => {
  for (const service of services) {
    const version = (await put(service, 'if:PARSE', '1')).headers.get('etag')!.slice(1, -1);
    const bad = [
      '',
      ' ',
      ',',
      'abc',
      'nonsense',
      '"x',
      'x"',
      '"x" "y"',
      `"x", ${version}0`,
      version.slice(1),
      version.toUpperCase().replace(/^./, 'A'),
      `W/${version}`,
      'w/"x"',
      '*, "x"',
      "'x'",
    ];
    const connection = await connect(service.port);
    t.after(() => connection.destroy());
    for (const header of ['If-Match', 'If-None-Match']) {
      for (const value of bad) {
        for (const line of ['PUT /v1/cache/if:PARSE HTTP/1.1', 'DELETE /v1/cache/if:PARSE HTTP/1.1']) {
          await connection.send(
            `${line}\r\nHost: x\r\n${header}: ${value}\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n2`,
          );
          const [response] = await connection.readResponses(1);
          assert.match(assertRawProblem(response!, 'bad_request', header), /double quotes/);
        }
      }
    }
    assert.equal(await (await get(service, 'if:PARSE')).text(), '1');
  }
});

test('several lines of one condition header form one list', async (t) => {
  for (const service of services) {
    const etag = (await put(service, 'if:LINES', '1')).headers.get('etag')!;
    const connection = await connect(service.port);
    t.after(() => connection.destroy());
    const change = async (header: string) => {
      const lines = `${header}: "other"\r\n${header}: ${etag}`;
      await connection.send(
        `PUT /v1/cache/if:LINES HTTP/1.1\r\nHost: x\r\n${lines}\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n2`,
      );
      return (await connection.readResponses(1))[0]!;
    };
    assertRawProblem(await change('If-None-Match'), 'precondition_failed');
    assert.equal((await change('If-Match')).status, 204);
  }
});

test('If-Match together with If-None-Match is rejected', async () => {
  const headers = { 'if-match': '*', 'if-none-match': '*' };
  for (const service of services) {
    await assertProblem(await put(service, 'if:BOTH', '1', { headers }), 'bad_request', 'If-Match');
    await assertProblem(await del(service, 'if:BOTH', headers), 'bad_request', 'If-Match');
  }
});

test('exactly one of 100 concurrent If-Match writers at two replicas succeeds', async () => {
  for (let round = 0; round < 3; round++) {
    const key = `race:${round}`;
    const seed = (await put(one, key, '"seed"')).headers.get('etag')!;
    const attempts = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const service = i % 2 === 0 ? one : two;
        const response = await put(service, key, String(i), { headers: { 'if-match': seed } });
        await response.text();
        return { i, service, status: response.status, etag: response.headers.get('etag') };
      }),
    );
    const [winner, ...more] = attempts.filter(({ status }) => status === 204);
    assert.ok(winner);
    assert.deepEqual(more, []);
    const losers = attempts.filter((attempt) => attempt !== winner);
    assert.ok(losers.every(({ status, etag }) => status === 412 && etag === winner.etag));
    const present = await get(winner.service, key);
    assert.equal(present.headers.get('etag'), winner.etag);
    assert.equal(await present.text(), String(winner.i));
  }
});

test('exactly one of 100 concurrent If-None-Match: * writers at two replicas succeeds', async () => {
  const attempts = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const response = await put(i % 2 === 0 ? one : two, 'race:CREATE', String(i), {
        headers: { 'if-none-match': '*' },
      });
      await response.text();
      return response.status;
    }),
  );
  assert.equal(attempts.filter((status) => status === 201).length, 1);
  assert.equal(attempts.filter((status) => status === 412).length, 99);
});

test('standalone, exactly one of the concurrent If-Match writers succeeds', async () => {
  const seed = (await put(alone, 'race:ALONE', '0')).headers.get('etag')!;
  const writes = Array.from({ length: 100 }, (_, i) =>
    put(alone, 'race:ALONE', String(i), { headers: { 'if-match': seed } }),
  );
  const statuses = (await Promise.all(writes)).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 204).length, 1);
});

test('a body in an unsupported media type is rejected', async () => {
  for (const service of services) {
    for (const type of [
      'text/plain',
      'application/octet-stream',
      'application/jsonp',
      'json',
      'multipart/form-data; boundary=x',
    ]) {
      const response = await put(service, 'type:A', '1', { headers: { 'content-type': type } });
      await assertProblem(response, 'media_type_unsupported', 'Content-Type');
    }
  }
});

test('a Content-Type named like an inherited property returns 415, and nothing is stored', async () => {
  for (const service of services) {
    for (const type of ['constructor', '__proto__', 'toString', 'hasOwnProperty; a=b', 'valueOf']) {
      for (const [path, method, body] of [
        [pathOf('type:INHERITED'), 'PUT', '1'],
        ['/v1/mset', 'POST', '{"entries":[{"key":"type:INHERITED","value":1}]}'],
        ['/v1/flush', 'POST', '{}'],
      ] as const) {
        const response = await service.fetch(path, { method, headers: { 'content-type': type }, body });
        await assertProblem(response, 'media_type_unsupported', 'Content-Type');
      }
    }
    assert.equal((await get(service, 'type:INHERITED')).status, 404);
  }
});

test('the media type may have parameters and any case, and may be missing for JSON', async (t) => {
  for (const type of [
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/json;charset="utf-8"',
  ]) {
    assert.ok((await put(one, 'type:B', '1', { headers: { 'content-type': type } })).ok, type);
  }
  for (const type of ['application/msgpack', 'application/x-msgpack', 'APPLICATION/VND.MSGPACK; v=1']) {
    assert.ok((await put(one, 'type:B', pack(1), { headers: { 'content-type': type } })).ok, type);
  }
  const connection = await connect(one.port);
  t.after(() => connection.destroy());
  await connection.send(
    'PUT /v1/cache/type:B HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n7',
  );
  const [response] = await connection.readResponses(1);
  assert.equal(response!.status, 204);
  assert.equal(await (await get(one, 'type:B')).text(), '7');
});

test('a value of exactly the limit is accepted, and one byte more is rejected', async () => {
  const fits = JSON.stringify('x'.repeat(LIMIT - 2));
  for (const service of services) {
    assert.equal((await put(service, 'size:A', fits)).status, 201);
    const response = await put(service, 'size:A', `${fits} `);
    assert.match(await assertProblem(response, 'value_too_large'), new RegExp(String(LIMIT)));
    assert.equal(await (await get(service, 'size:A')).text(), fits);
  }
});

test('a Content-Length over the limit is rejected before the body arrives, and the connection is closed', async (t) => {
  const connection = await connect(one.port);
  t.after(() => connection.destroy());
  await connection.send(
    `PUT /v1/cache/size:B HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${LIMIT + 1}\r\n\r\n`,
  );
  const [response] = await connection.readResponses(1);
  assertRawProblem(response!, 'value_too_large');
  assert.equal(response!.headers.connection, 'close');
  await connection.closed;
});

test('a chunked body is rejected as soon as it exceeds the limit, and the connection is closed', async (t) => {
  const connection = await connect(one.port);
  t.after(() => connection.destroy());
  await connection.send(
    'PUT /v1/cache/size:C HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const chunk = `1000\r\n${'1'.repeat(0x1000)}\r\n`;
  for (let sent = 0; sent <= LIMIT; sent += 0x1000) await connection.send(chunk);
  const [response] = await connection.readResponses(1);
  assertRawProblem(response!, 'value_too_large');
  assert.equal(response!.headers.connection, 'close');
  await connection.closed;
  assert.equal((await get(one, 'size:C')).status, 404);
});

test('a body that is not JSON is rejected, and the stored value stays', async () => {
  const bad: Record<string, string | Buffer<ArrayBuffer>> = {
    nothing: '',
    'white space': ' \n',
    'half an object': '{"a":',
    'two values': '1 2',
    NaN: 'NaN',
    'a comment': '1 // one',
    'a trailing comma': '[1,]',
    'single quotes': "'x'",
    'a raw control character': '"\u0001"',
    'a byte order mark': '\ufeff1',
    'invalid UTF-8': Buffer.from([0x22, 0xff, 0x22]),
    'a UTF-8 surrogate': Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    'an overlong form': Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
    'cut UTF-8': Buffer.from([0x22, 0xc3]),
    'UTF-16': Buffer.from('"x"', 'utf16le'),
    'msgpack called JSON': pack({ a: 1 }) as Buffer<ArrayBuffer>,
  };
  for (const service of services) {
    await put(service, 'json:BAD', '"before"');
    for (const [name, body] of Object.entries(bad)) {
      const response = await put(service, 'json:BAD', body);
      assert.equal(response.status, 400, name);
      await assertProblem(response, 'value_invalid', 'body');
    }
    assert.equal(await (await get(service, 'json:BAD')).text(), '"before"');
  }
});

test('a body that is not exactly one msgpack object is rejected', async () => {
  const bad: Record<string, number[]> = {
    nothing: [],
    'an unused format byte': [0xc1],
    'a cut text': [0xa3, 0x61],
    'a cut map': [0x82, 0xa1, 0x61, 0x01],
    'two values': [0x01, 0x02],
    'an array longer than the body': [0xdd, 0xff, 0xff, 0xff, 0xff],
  };
  for (const service of services) {
    for (const [name, bytes] of Object.entries(bad)) {
      const headers = { 'content-type': MSGPACK_TYPE };
      const response = await put(service, 'msgpack:BAD', Buffer.from(bytes), { headers });
      assert.equal(response.status, 400, name);
      await assertProblem(response, 'value_invalid', 'body');
    }
    assert.equal((await get(service, 'msgpack:BAD')).status, 404);
  }
});

test('every byte of a msgpack value is preserved: binary, 64-bit integers, odd widths, extensions', async () => {
  const values: Record<string, Buffer> = {
    binary: Buffer.from(pack(Buffer.from([0, 1, 0xfe, 0xff]))),
    'a 64-bit integer': Buffer.from('cfffffffffffffffff', 'hex'),
    'a wider form than needed': Buffer.from('d300000000000000ff', 'hex'),
    'a 32-bit float': Buffer.from('ca3f800000', 'hex'),
    'minus zero': Buffer.from('cb8000000000000000', 'hex'),
    'a timestamp': Buffer.from('d6ff5a4af6a5', 'hex'),
    'map keys that are not text': Buffer.from('8101a178', 'hex'),
    'text that is not UTF-8': Buffer.from('a2ff41', 'hex'),
    '60 KB of binary': Buffer.from(pack(Buffer.alloc(60_000, 0xa5))),
  };
  for (const [name, body] of Object.entries(values)) {
    const headers = { 'content-type': MSGPACK_TYPE };
    const key = `msgpack:${name}`;
    assert.equal((await put(one, key, new Uint8Array(body), { headers })).status, 201, name);
    for (const service of [one, two]) {
      const response = await get(service, key, { accept: MSGPACK_TYPE });
      assert.deepEqual(await bytesOf(response), body, name);
    }
  }
});

test('a value written as JSON is read as the same value in msgpack', async () => {
  await put(one, 'msgpack:FROM', '{"a":[1,-2,0.5,null,true],"n":9007199254740993}');
  const body = await bytesOf(await get(two, 'msgpack:FROM', { accept: MSGPACK_TYPE }));
  assert.deepEqual(unpack(body), { a: [1, -2, 0.5, null, true], n: 9007199254740993n });
});

test('a change that times out is unknown, is readable at its replica, and is settled when Redis answers', async () => {
  await reachesRedis(two);
  await put(two, 'down:A', '"before"');
  await put(two, 'down:B', '"before"');
  await whileFrozen(redis, async () => {
    const unknown = await put(two, 'down:A', '"after"');
    await assertKept(unknown, 'unknown');
    const read = await get(two, 'down:A');
    assert.equal(await read.text(), '"after"');
    assert.equal(read.headers.get('etag'), unknown.headers.get('etag'));
    await assertKept(await del(two, 'down:B'), 'unknown');
    const gone = await get(two, 'down:B');
    assert.deepEqual(cacheStatus(gone.headers.get('cache-status')).at(-1)?.detail, 'pending');
    await assertProblem(gone, 'cache_miss');
  });
  // The other replica reads only from Redis.
  await until(async () => (await (await get(one, 'down:A')).text()) === '"after"');
  await until(async () => (await get(one, 'down:B')).status === 404);
  await until(async () => (await put(two, 'down:A', '"again"')).status === 204);
});

test('a conditional change is rejected while Redis is not used, and unknown after a time-out', async () => {
  await reachesRedis(two);
  const ifAbsent = { headers: { 'if-none-match': '*' } };
  await whileFrozen(redis, async () => {
    await assertProblem(await put(two, 'down:COND', '1', ifAbsent), 'write_unknown');
    await assertKept(await put(two, 'down:COND', '1'), 'unknown');
    assert.match(
      await assertProblem(await put(two, 'down:COND', '2', ifAbsent), 'l2_unavailable'),
      /condition cannot be checked/,
    );
    await assertProblem(await del(two, 'down:COND', { 'if-match': '*' }), 'l2_unavailable');
  });
  // Once the change is settled, Redis evaluates the condition.
  await until(async () => (await put(two, 'down:COND', '2', ifAbsent)).status === 412);
});

test('without pending writes a change that times out fails, and L1 does not store it', async () => {
  await reachesRedis(strict);
  await put(strict, 'down:A', '"before"');
  await whileFrozen(redis, async () => {
    await assertProblem(await put(strict, 'down:A', '"after"'), 'write_unknown');
    const response = await get(strict, 'down:A');
    assert.match(response.headers.get('cache-status') ?? '', /detail=l2-/);
    await assertProblem(response, 'cache_unknown');
    await assertProblem(await del(strict, 'down:A'), 'write_unknown');
  });
  await until(async () => (await put(strict, 'down:A', '"again"')).ok);
});

test('a change that Redis temporarily rejects is accepted, and applied when Redis accepts it', async () => {
  await reachesRedis(one);
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  try {
    await assertKept(await put(one, 'down:FULL', '1'), 'accepted');
    assert.equal(await (await get(one, 'down:FULL')).text(), '1');
    assert.equal(await redis.cli('EXISTS', `${PREFIX}down:FULL`), '0');
    await reachesRedis(strict);
    assert.match(await assertProblem(await put(strict, 'down:FULL', '1'), 'l2_rejected'), /maxmemory/);
  } finally {
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  }
  await until(async () => (await redis.cli('EXISTS', `${PREFIX}down:FULL`)) === '1');
  assert.equal((await put(one, 'down:FULL', '2')).status, 204);
});

test('POST to a key returns 405', async () => {
  const response = await post(one, pathOf('put:POST'), 1, { 'content-type': JSON_TYPE });
  assert.equal(response.headers.get('allow'), 'GET, HEAD, PUT, DELETE, OPTIONS');
  await assertProblem(response, 'method_not_allowed');
});

/** Asserts a pending write: 202 with its reason. */
async function assertKept(response: Response, status: 'accepted' | 'unknown'): Promise<void> {
  assert.equal(response.status, 202);
  assert.equal(response.headers.get('content-type'), JSON_TYPE);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const { detail, ...rest } = await jsonOf(response);
  assert.deepEqual(rest, { status, code: status === 'accepted' ? 'l2_unavailable' : 'write_unknown' });
  assert.notEqual(detail, '');
}
