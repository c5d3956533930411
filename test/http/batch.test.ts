import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { bytesOf, get, JSON_TYPE, jsonOf, MSGPACK_TYPE, post, put, readIntoL1 } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { assertProblem } from '../support/problem.ts';
import { whileFrozen } from '../support/while-frozen.ts';

const MAX_KEYS = 100;
const MAX_VALUE_BYTES = 1024;
const LIMITS = {
  MAX_BATCH_KEYS: String(MAX_KEYS),
  MAX_VALUE_BYTES: String(MAX_VALUE_BYTES),
  MAX_BODY_BYTES: String(256 * 1024),
};
const VERSION = /^[0-9a-f]{24}$/;
/** The code of an item that Redis did not apply. */
const KEPT = /^(write_unknown|l2_unavailable)$/;

let redis: RedisServer;
let near: Service;
let far: Service;
/** A replica without pending writes: a change that Redis does not apply fails. */
let strict: Service;
let alone: Service;
let services: Service[];

before(async () => {
  redis = await startRedis();
  [near, far, strict, alone] = await Promise.all([
    startReplica(redis, { ...LIMITS, HTTP_MAX_AGE: 'ttl' }),
    startReplica(redis, { REDIS_COMMAND_TIMEOUT_MS: '800' }),
    startReplica(redis, { REDIS_COMMAND_TIMEOUT_MS: '800', PENDING_WRITES_MAX_ENTRIES: '0' }),
    startService({ standalone: true, env: { ...PATIENT, ...LIMITS, HTTP_MAX_AGE: 'ttl' } }),
  ]);
  services = [near, alone];
});

after(async () => {
  await Promise.all([near?.stop(), far?.stop(), strict?.stop(), alone?.stop()]);
  await redis?.stop();
});

test('mget returns results in the order of the keys, and repeats a repeated key', async () => {
  for (const service of services) {
    await put(service, 'borrow_rate:M1', '{"rate":1}');
    const etag = (await put(service, 'min_rate:M2', '0.5')).headers.get('etag')!;
    const keys = ['min_rate:M2', 'none', 'borrow_rate:M1', 'min_rate:M2', 'none'];
    const response = await post(service, '/v1/mget', { keys });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), JSON_TYPE);
    const { results, ...rest } = await jsonOf(response);
    assert.deepEqual(rest, {});
    assert.deepEqual(
      results.map(({ key }: { key: string }) => key),
      keys,
    );
    assert.deepEqual(results[1], { key: 'none', status: 'miss' });
    assert.deepEqual(results[4], results[1]);
    assert.deepEqual(results[3], results[0]);
    const { version, ttl, ...hit } = results[0];
    assert.deepEqual(hit, { key: 'min_rate:M2', status: 'hit', value: 0.5 });
    assert.equal(`"${version}"`, etag);
    assert.ok(ttl > 86_390 && ttl <= 86_400, `ttl=${ttl}`);
    assert.deepEqual(results[2].value, { rate: 1 });
  }
});

test('mget of no keys returns no results', async () => {
  for (const service of services)
    assert.deepEqual(await jsonOf(await post(service, '/v1/mget', { keys: [] })), { results: [] });
});

test('mget accepts a msgpack body, returns msgpack, or does both', async () => {
  for (const service of services) {
    await put(service, 'pack:A', '[1,"x"]', { query: '?ttl=60' });
    const keys = ['pack:A', 'pack:NONE'];
    const packed = new Uint8Array(pack({ keys }));
    for (const [body, type] of [
      [packed, MSGPACK_TYPE],
      [JSON.stringify({ keys }), JSON_TYPE],
    ] as const) {
      for (const accept of [JSON_TYPE, MSGPACK_TYPE]) {
        const response = await post(service, '/v1/mget', body, { 'content-type': type, accept });
        assert.equal(response.headers.get('content-type'), accept);
        const bytes = await bytesOf(response);
        const { results } = accept === JSON_TYPE ? JSON.parse(bytes.toString()) : unpack(bytes);
        const { version, ttl, ...hit } = results[0];
        assert.deepEqual(hit, { key: 'pack:A', status: 'hit', value: [1, 'x'] });
        assert.match(version, VERSION);
        assert.ok(ttl <= 60);
        assert.deepEqual(results[1], { key: 'pack:NONE', status: 'miss' });
      }
    }
  }
});

test('mget rejects an Accept or a Content-Type that is neither JSON nor msgpack', async () => {
  for (const path of ['/v1/mget', '/v1/mset', '/v1/mdelete']) {
    await assertProblem(await post(near, path, {}, { accept: 'text/html' }), 'not_acceptable', 'Accept');
    const response = await post(near, path, 'keys=a', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    await assertProblem(response, 'media_type_unsupported', 'Content-Type');
  }
});

test('mset and mget preserve every byte of a value', async () => {
  const texts = [
    '-0',
    '1e400',
    '12345678901234567890',
    '"\\u0041\\/"',
    '[ 1 ,\t2 ]',
    '{"":{"a":1,"a":2}}',
    '"\\ud800"',
    '"é💸"',
    'null',
    '{"__proto__":[]}',
  ];
  for (const [service, reader] of [
    [near, far],
    [alone, alone],
  ] as const) {
    const entries = texts.map((text, i) => ` { "ttl" : 50, "key":"exact:${i}" , "value" : ${text} }`);
    const response = await post(service, '/v1/mset', ` {"entries":[${entries}] }`);
    const stored = (await jsonOf(response)).results;
    assert.ok(stored.every(({ status }: { status: string }) => status === 'stored'));

    for (const [i, text] of texts.entries()) {
      const trimmed = await (await get(service, `exact:${i}`)).text();
      assert.equal(trimmed, text);
    }
    const keys = texts.map((_, i) => `exact:${i}`);
    const all = await (await post(reader, '/v1/mget', { keys })).text();
    for (const [i, text] of texts.entries())
      assert.ok(all.includes(`{"key":"exact:${i}","status":"hit","value":${text},"version":"`), text);
  }
});

test('mget reports a binary value as an item error in JSON and returns it in msgpack', async () => {
  const value = Buffer.from([0, 0xff]);
  for (const service of services) {
    const entries = [
      { key: 'binary:A', value },
      { key: 'binary:B', value: 1 },
    ];
    const headers = { 'content-type': MSGPACK_TYPE };
    const stored = await jsonOf(await post(service, '/v1/mset', new Uint8Array(pack({ entries })), headers));
    assert.deepEqual(
      stored.results.map(({ status }: { status: string }) => status),
      ['stored', 'stored'],
    );
    const keys = { keys: ['binary:A', 'binary:B'] };
    const [refused, other] = (await jsonOf(await post(service, '/v1/mget', keys))).results;
    assert.equal(refused.status, 'error');
    assert.equal(refused.code, 'not_acceptable');
    assert.equal(other.value, 1);
    const packed = unpack(await bytesOf(await post(service, '/v1/mget', keys, { accept: MSGPACK_TYPE })));
    assert.deepEqual(Buffer.from(packed.results[0].value), value);
  }
});

test('mset stores each entry with its own TTL and returns its version', async () => {
  for (const service of services) {
    const entries = [
      { key: 'borrow_rate:S1', value: { rate: 1 } },
      { key: 'borrow_rate:S2', value: 2, ttl: 7 },
      { key: 'S3', value: null, ttl: 0.5 },
    ];
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    for (const [i, { key, status, version, ...rest }] of results.entries()) {
      assert.deepEqual([key, status, rest], [entries[i]!.key, 'stored', {}]);
      assert.match(version, VERSION);
    }
    for (const [i, maxAge] of [300, 7].entries()) {
      const response = await get(service, entries[i]!.key);
      assert.equal(response.headers.get('etag'), `"${results[i].version}"`);
      assert.equal(response.headers.get('cache-control'), `max-age=${maxAge}`);
    }
  }
});

test('an mset with a repeated key stores the later value', async () => {
  for (const [service, reader] of [
    [near, far],
    [alone, alone],
  ] as const) {
    const entries = [1, 2, 3].map((value) => ({ key: 'twice:A', value }));
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    assert.equal(results.length, 3);
    assert.equal(await jsonOf(await get(service, 'twice:A')), 3);
    assert.equal(await jsonOf(await get(reader, 'twice:A')), 3);
  }
});

test('GET and mget at one replica read values that mset wrote at another', async () => {
  const entries = Array.from({ length: 50 }, (_, i) => ({ key: `cross:${i}`, value: { i } }));
  await (await post(near, '/v1/mset', { entries })).text();
  assert.deepEqual(await jsonOf(await get(far, 'cross:7')), { i: 7 });
  const { results } = await jsonOf(await post(far, '/v1/mget', { keys: entries.map(({ key }) => key) }));
  assert.deepEqual(
    results.map(({ value }: { value: unknown }) => value),
    entries.map(({ value }) => value),
  );
});

test('mdelete deletes from both tiers and reports a missing key as deleted', async () => {
  for (const service of services) {
    await put(service, 'gone:A', '1');
    const keys = ['gone:NONE', 'gone:A', 'gone:A'];
    const { results } = await jsonOf(await post(service, '/v1/mdelete', { keys }));
    assert.deepEqual(
      results,
      keys.map((key) => ({ key, status: 'deleted' })),
    );
    assert.equal((await get(service, 'gone:A')).status, 404);
  }
  assert.equal((await get(far, 'gone:A')).status, 404);
});

test('an item with an invalid key, value or TTL fails, and the other items succeed', async () => {
  const long = 'x'.repeat(513);
  for (const service of services) {
    const entries = [
      { key: '', value: 1 },
      { key: 'item:A', value: 1 },
      { key: 'item:B' },
      { key: 'item:C', value: 1, ttl: 0 },
      { key: 'item:D', value: 'x'.repeat(MAX_VALUE_BYTES) },
      { key: long, value: 1 },
      { key: 'item:\u0000', value: 1 },
      { key: 'item:E', value: 'x'.repeat(MAX_VALUE_BYTES - 2) },
    ];
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    const outcomes = results.map(({ status, code }: { status: string; code?: string }) => code ?? status);
    assert.deepEqual(outcomes, [
      'key_invalid',
      'stored',
      'body_invalid',
      'ttl_invalid',
      'value_too_large',
      'key_invalid',
      'key_invalid',
      'stored',
    ]);
    assert.ok(results.every((item: { code?: string; detail?: string }) => !item.code || item.detail));

    for (const path of ['/v1/mget', '/v1/mdelete']) {
      const keys = ['item:A', '', long, 'item:\n', '\ud800', 'item:E'];
      const answered = (await jsonOf(await post(service, path, { keys }))).results;
      assert.deepEqual(
        answered.map(({ key }: { key: string }) => key),
        keys,
      );
      const codes = answered.map(({ code }: { code?: string }) => code);
      const invalid = 'key_invalid';
      assert.deepEqual(codes, [undefined, invalid, invalid, invalid, invalid, undefined]);
    }
  }
});

test('a batch with more keys than MAX_BATCH_KEYS is rejected', async () => {
  const names = Array.from({ length: MAX_KEYS + 1 }, (_, i) => `many:${i}`);
  const entries = names.map((key) => ({ key, value: 1 }));
  for (const service of services) {
    await assertProblem(await post(service, '/v1/mget', { keys: names }), 'body_invalid', 'keys');
    await assertProblem(await post(service, '/v1/mdelete', { keys: names }), 'body_invalid', 'keys');
    await assertProblem(await post(service, '/v1/mset', { entries }), 'body_invalid', 'entries');
    const { results } = await jsonOf(await post(service, '/v1/mget', { keys: names.slice(1) }));
    assert.equal(results.length, MAX_KEYS);
    assert.ok(results.every(({ status }: { status: string }) => status === 'miss'));
  }
});

test('a body larger than MAX_BODY_BYTES is rejected', async () => {
  const keys = Array.from({ length: 90 }, () => 'x'.repeat(3_000));
  await assertProblem(await post(near, '/v1/mget', { keys }), 'body_too_large');
});

test('a body of the wrong shape is rejected, and the error names the field', async () => {
  const keys: [body: unknown, field: string][] = [
    ['', 'body'],
    ['[', 'body'],
    ['1', 'body'],
    [null, 'body'],
    [{}, 'keys'],
    [{ keys: 'a' }, 'keys'],
    [{ keys: null }, 'keys'],
    [{ keys: ['a', 1] }, 'keys[1]'],
    [{ keys: [['a']] }, 'keys[0]'],
  ];
  const entries: [body: unknown, field: string][] = [
    ['', 'body'],
    [{}, 'entries'],
    [{ entries: {} }, 'entries'],
    [{ entries: [1] }, 'entries[0]'],
    [{ entries: [{ value: 1 }] }, 'entries[0].key'],
    [
      {
        entries: [
          { key: 'shape:A', value: 1 },
          { key: 2, value: 1 },
        ],
      },
      'entries[1].key',
    ],
    [{ entries: [{ key: 'shape:A', value: 1, ttl: '5' }] }, 'entries[0].ttl'],
  ];
  for (const service of services) {
    for (const path of ['/v1/mget', '/v1/mdelete'])
      for (const [body, field] of keys)
        await assertProblem(await post(service, path, body), 'body_invalid', field);
    for (const [body, field] of entries)
      await assertProblem(await post(service, '/v1/mset', body), 'body_invalid', field);
    assert.equal((await get(service, 'shape:A')).status, 404, 'nothing was stored');
  }
});

test('an unknown member of a batch is rejected with a suggestion, and nothing is written', async () => {
  const cases: [path: string, body: unknown, field: string, hint: RegExp][] = [
    ['/v1/mget', { keys: [], key: 'strict:A' }, 'key', /did you mean "keys"/],
    ['/v1/mdelete', { keys: ['strict:A'], ifVersion: 'x' }, 'ifVersion', /known members are keys$/],
    ['/v1/mdelete', { keys: ['strict:A'], Keys: [] }, 'Keys', /did you mean "keys"/],
    ['/v1/mset', { entries: [], entires: [] }, 'entires', /did you mean "entries"/],
    ...['ifVersion', 'ifAbsent', 'ifMatch', 'TTL', 'tll', 'constructor'].map(
      (name): [string, unknown, string, RegExp] => [
        '/v1/mset',
        {
          entries: [
            { key: 'strict:A', value: 2 },
            { key: 'strict:B', value: 2, [name]: 1 },
          ],
        },
        `entries[1].${name}`,
        /tl/i.test(name)
          ? /did you mean "ttl"/
          : /known members are key, value, ttl, idempotencyKey, asOf, source, suspect, ifNewer$/,
      ],
    ),
    ['/v1/mset', '{"entries":[{"key":"strict:A","value":2,"__proto__":1}]}', 'entries[0].__proto__', /known/],
    ['/v1/mget', { keys: [], ['x'.repeat(5_000)]: 1 }, `${'x'.repeat(40)}…`, /known/],
  ];
  const headers = { 'content-type': MSGPACK_TYPE };
  for (const service of services) {
    await put(service, 'strict:A', '1');
    for (const [path, body, field, hint] of cases) {
      assert.match(await assertProblem(await post(service, path, body), 'body_invalid', field), hint);
      if (typeof body === 'string') continue;
      const packed = await post(service, path, new Uint8Array(pack(body)), headers);
      assert.match(await assertProblem(packed, 'body_invalid', field), hint);
    }
    for (const path of ['/v1/mget', '/v1/mset', '/v1/mdelete'])
      await assertProblem(await post(service, `${path}?ttl=5`, {}), 'query_invalid', 'ttl');
    assert.equal(await (await get(service, 'strict:A')).text(), '1');
    assert.equal((await get(service, 'strict:B')).status, 404);
  }
});

test('a msgpack body of the wrong shape is rejected', async () => {
  const headers = { 'content-type': MSGPACK_TYPE };
  const ask = (path: string, bytes: Uint8Array) => post(near, path, new Uint8Array(bytes), headers);
  await assertProblem(await ask('/v1/mget', pack({ keys: [1] })), 'body_invalid', 'keys[0]');
  await assertProblem(await ask('/v1/mget', pack([])), 'body_invalid', 'body');
  await assertProblem(
    await ask('/v1/mset', pack({ entries: [{ value: 1 }] })),
    'body_invalid',
    'entries[0].key',
  );
  await assertProblem(await ask('/v1/mget', Buffer.from([0xc1])), 'body_invalid', 'body');
  const keys = Buffer.from([0x81, 0xa4, ...Buffer.from('keys'), 0x91, 0xa1, 0xff]);
  await assertProblem(await ask('/v1/mget', keys), 'body_invalid', 'body');
  await assertProblem(await ask('/v1/mget', Buffer.from([])), 'body_invalid', 'body');
});

test('an mget of 50 keys in L2 sends one Redis command, and an mset of 50 keys at most two', async () => {
  const entries = Array.from({ length: 50 }, (_, i) => ({ key: `cold:${i}`, value: i }));
  const keys = entries.map(({ key }) => key);
  // The first call of a script also loads it.
  await put(near, 'cold:FIRST', '1');

  await redis.cli('CONFIG', 'RESETSTAT');
  await (await post(near, '/v1/mset', { entries })).text();
  // One call writes; a second may read the versions afterwards.
  assert.ok(callsOf('evalsha', await redis.cli('INFO', 'commandstats')) <= 2);
  await redis.cli('CONFIG', 'RESETSTAT');
  const { results } = await jsonOf(await post(far, '/v1/mget', { keys }));
  assert.ok(results.every(({ status }: { status: string }) => status === 'hit'));
  const stats = await redis.cli('INFO', 'commandstats');
  assert.equal(callsOf('mget', stats), 1);
  assert.equal(callsOf('get', stats), 0);

  await (await post(far, '/v1/mget', { keys })).text();
  assert.equal(callsOf('mget', await redis.cli('INFO', 'commandstats')), 1, 'L1 answers the second mget');
});

test('while Redis does not answer, mget returns keys in L1 and reports an error code for the others', async () => {
  const keys = ['down:A', 'down:B'];
  await put(near, 'down:A', '1');
  await heardAll(far);
  await readIntoL1(far, 'down:A');
  await whileFrozen(redis, async () => {
    const { results } = await jsonOf(await post(far, '/v1/mget', { keys }));
    assert.equal(results[0].value, 1);
    assert.equal(results[1].status, 'miss');
    assert.match(results[1].code, /^l2_(timeout|unavailable)$/);
  });
});

test('while Redis does not answer, mset and mdelete accept pending writes, and mget returns them', async () => {
  await reachesRedis(far);
  await whileFrozen(redis, async () => {
    const entries = [
      { key: 'kept:A', value: 1 },
      { key: 'kept:B', value: 2, ttl: -1 },
    ];
    const [stored, faulty] = (await jsonOf(await post(far, '/v1/mset', { entries }))).results;
    assert.equal(stored.status, 'stored');
    assert.match(stored.code, KEPT);
    assert.deepEqual([faulty.status, faulty.code], ['error', 'ttl_invalid']);
    const [deleted] = (await jsonOf(await post(far, '/v1/mdelete', { keys: ['down:A'] }))).results;
    assert.deepEqual([deleted.key, deleted.status], ['down:A', 'deleted']);
    assert.match(deleted.code, KEPT);

    const { results } = await jsonOf(await post(far, '/v1/mget', { keys: ['kept:A', 'down:A'] }));
    assert.deepEqual([results[0].status, results[0].value, results[0].version], ['hit', 1, stored.version]);
    assert.deepEqual(results[1], { key: 'down:A', status: 'miss', code: 'l2_unavailable' });
    assert.equal(results[0].code, 'l2_unavailable');
  });
  const made = async () =>
    (await jsonOf(await post(near, '/v1/mget', { keys: ['kept:A', 'down:A'] }))).results;
  await until(async () => {
    const [kept, deleted] = await made();
    return kept.status === 'hit' && deleted.status === 'miss';
  });
});

test('without pending writes, items of mset and mdelete fail with a reason while Redis does not answer', async () => {
  await reachesRedis(strict);
  await whileFrozen(redis, async () => {
    const entries = [{ key: 'down:C', value: 1 }];
    for (const [path, body] of [
      ['/v1/mset', { entries }],
      ['/v1/mdelete', { keys: ['down:C'] }],
    ] as const) {
      const [item] = (await jsonOf(await post(strict, path, body))).results;
      assert.equal(item.status, 'error');
      assert.match(item.code, KEPT);
      assert.notEqual(item.detail, '');
    }
  });
});

function callsOf(command: string, commandstats: string): number {
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(commandstats)?.[1] ?? 0);
}
