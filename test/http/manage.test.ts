import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { bytesOf, del, get, jsonOf, MSGPACK_TYPE, post, put, readIntoL1 } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';

const PREFIX = 'borrow_rate_engine:';

let redis: RedisServer;
let near: Service;
let far: Service;
let alone: Service;
let services: Service[];

before(async () => {
  redis = await startRedis();
  const env = { LOCAL_CACHE_MAX_SIZE: '5000', LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS: '0' };
  [near, far, alone] = await Promise.all([
    startReplica(redis, env),
    startReplica(redis, env),
    startService({ standalone: true, env: { ...PATIENT, ...env } }),
  ]);
  services = [near, alone];
});

beforeEach(async () => {
  await redis.cli('FLUSHALL');
  for (const service of [near, far, alone]) await flush(service, 'local');
});

after(async () => {
  await Promise.all([near?.stop(), far?.stop(), alone?.stop()]);
  await redis?.stop();
});

test('invalidate by keys counts only keys that existed', async () => {
  for (const service of services) {
    await write(service, ['a:1', 'a:2', 'a:3']);
    const keys = ['a:1', 'none', 'a:3', 'a:1'];
    assert.deepEqual(await invalidate(service, { keys }), { invalidated: 2 });
    assert.deepEqual(await present(service, ['a:1', 'a:2', 'a:3']), ['a:2']);
  }
});

test('invalidate by types removes only keys of these types', async () => {
  const keys = [
    'borrow_rate:A',
    'borrow_rate:B',
    'borrow_rates:C',
    'min_rate:A',
    'volatility:A',
    'x',
    'borrow_rate',
  ];
  for (const service of services) {
    await write(service, keys);
    const types = ['borrow_rate', 'volatility'];
    assert.deepEqual(await invalidate(service, { types }), { invalidated: 3 });
    assert.deepEqual(await present(service, keys), ['borrow_rates:C', 'min_rate:A', 'x', 'borrow_rate']);
    assert.deepEqual(await invalidate(service, { types: ['other'] }), { invalidated: 3 });
    assert.deepEqual(await present(service, keys), ['min_rate:A']);
  }
});

test('invalidate by pattern matches as Redis globs match', async () => {
  const keys = [
    'calculation:AAPL:1',
    'calculation:AAPL:2',
    'calculation:AMZN:1',
    'xcalculation:AAPL:1',
    'c[1]',
  ];
  for (const service of services) {
    await write(service, keys);
    assert.deepEqual(await invalidate(service, { pattern: 'calculation:AAPL:*' }), { invalidated: 2 });
    assert.deepEqual(await invalidate(service, { pattern: 'calculation:A[A-N]??:1' }), { invalidated: 1 });
    assert.deepEqual(await invalidate(service, { pattern: 'c\\[1\\]' }), { invalidated: 1 });
    assert.deepEqual(await present(service, keys), ['xcalculation:AAPL:1']);
  }
});

test('invalidate by keys, types and pattern at once counts no key twice', async () => {
  const keys = ['min_rate:A', 'min_rate:B', 'volatility:A', 'z:1', 'z:2'];
  for (const service of services) {
    await write(service, keys);
    const body = { keys: ['min_rate:A', 'z:1'], types: ['min_rate'], pattern: '*:A' };
    assert.deepEqual(await invalidate(service, body), { invalidated: 4 });
    assert.deepEqual(await present(service, keys), ['z:2']);
  }
});

test('invalidate at one replica removes values that another replica wrote to Redis', async () => {
  await write(near, ['min_rate:X', 'min_rate:Y']);
  assert.deepEqual(await invalidate(far, { types: ['min_rate'] }), { invalidated: 2 });
  assert.equal(await redis.cli('KEYS', `${PREFIX}*`), '');
  await flush(near, 'local');
  assert.deepEqual(await present(near, ['min_rate:X', 'min_rate:Y']), []);
});

test('invalidate counts thousands of keys exactly', async () => {
  const keys = names('many', 2_500);
  for (const service of services) {
    await write(service, [...keys, 'survivor']);
    assert.deepEqual(await invalidate(service, { pattern: 'many:*' }), { invalidated: 2_500 });
    assert.deepEqual(await present(service, ['many:0', 'many:2499', 'survivor']), ['survivor']);
  }
});

test('invalidate rejects an empty or invalid selection, and the error names the field', async () => {
  for (const service of services) {
    const refused = (body: unknown, field: string) =>
      post(service, '/v1/invalidate', body).then((r) => assertProblem(r, 'body_invalid', field));
    await refused({}, 'body');
    await refused('', 'body');
    await refused({ keys: [] }, 'body');
    await refused({ keys: 'a' }, 'keys');
    await refused({ types: ['borrow_rate', 'nonsense'] }, 'types[1]');
    await refused({ pattern: 1 }, 'pattern');
    await refused({ patern: '*' }, 'patern');
    for (const pattern of ['', 'x'.repeat(1_025), '\ud800'])
      await assertProblem(await post(service, '/v1/invalidate', { pattern }), 'pattern_invalid', 'pattern');
    const body = { keys: ['good', ''] };
    await assertProblem(await post(service, '/v1/invalidate', body), 'key_invalid', 'keys[1]');
  }
});

test('flush of the local tier empties L1 and leaves Redis unchanged', async () => {
  await write(near, ['f:1', 'f:2']);
  await readIntoL1(near, 'f:1', 'f:2');
  assert.deepEqual(await flush(near, 'local'), { flushed: { local: 2, redis: 0 } });
  assert.deepEqual(await flush(near, 'local'), { flushed: { local: 0, redis: 0 } });
  const response = await get(near, 'f:1');
  assert.match(response.headers.get('cache-status')!, /^ratecache-l2; hit/);
});

test('flush of all tiers, which is the default, removes only keys under the prefix', async () => {
  // Keys that begin with _ belong to the heartbeat of the service.
  const outside = ['borrow_rate_engine', 'borrow_rate_engine_2:a', 'other:a', 'xborrow_rate_engine:a'];
  for (const key of outside) await redis.cli('SET', key, 'kept');
  for (const tier of ['all', undefined]) {
    await write(near, ['f:1', 'f:2', 'f:3']);
    await write(far, ['f:4']);
    await readIntoL1(near, 'f:1', 'f:2', 'f:3');
    assert.deepEqual(await flush(near, tier), { flushed: { local: 3, redis: 4 } });
    assert.deepEqual(await present(near, ['f:1', 'f:2', 'f:3', 'f:4']), []);
    assert.deepEqual((await redis.cli('KEYS', '[^_]*')).split('\n').sort(), outside.sort());
  }
});

test('standalone, flush of any tier empties L1', async () => {
  for (const tier of ['local', 'all', undefined]) {
    await write(alone, ['f:1', 'f:2']);
    assert.deepEqual(await flush(alone, tier), { flushed: { local: 2, redis: 0 } });
    assert.deepEqual(await present(alone, ['f:1', 'f:2']), []);
  }
});

test('flush rejects an unknown tier', async () => {
  for (const service of services) {
    await assertProblem(await post(service, '/v1/flush', { tier: 'redis' }), 'body_invalid', 'tier');
    await assertProblem(await post(service, '/v1/flush', { teir: 'all' }), 'body_invalid', 'teir');
  }
});

test('cleanup removes expired entries from L1 and returns their number', async () => {
  assert.equal(await cleanedUp(alone, (removed) => removed === 3), 3);
});

test('with Redis, cleanup removes only expired entries', async () => {
  const gone = async () => (await present(near, OVER)).length === 0;
  const removed = await cleanedUp(near, gone);
  assert.ok(removed <= 3, String(removed));
});

test('an operation needs no body and accepts msgpack', async () => {
  for (const service of services) {
    const bare = await service.fetch('/v1/cleanup', { method: 'POST' });
    assert.deepEqual(await jsonOf(bare), { removed: 0 });
    await write(service, ['p:1']);
    const headers = { 'content-type': MSGPACK_TYPE, accept: MSGPACK_TYPE };
    const response = await post(service, '/v1/invalidate', new Uint8Array(pack({ keys: ['p:1'] })), headers);
    assert.equal(response.headers.get('content-type'), MSGPACK_TYPE);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.deepEqual(unpack(await bytesOf(response)), { invalidated: 1 });
  }
});

test('every operation and batch rejects a body that is not an object, and changes nothing', async () => {
  const paths = ['invalidate', 'cleanup', 'flush', 'warmup', 'mget', 'mset', 'mdelete'];
  const packed = { 'content-type': MSGPACK_TYPE };
  for (const service of services) {
    await write(service, ['shape:A']);
    for (const path of paths) {
      for (const body of ['[]', '[{}]', 'null', '1', '"flush"', 'true'])
        await assertProblem(await post(service, `/v1/${path}`, body), 'body_invalid', 'body');
      for (const body of [
        [],
        [{}],
        null,
        1,
        'flush',
        true,
        new Map([[1, 2]]),
        Buffer.from('{}'),
        new Date(0),
      ])
        await assertProblem(
          await post(service, `/v1/${path}`, new Uint8Array(pack(body)), packed),
          'body_invalid',
          'body',
        );
    }
    assert.deepEqual(await present(service, ['shape:A']), ['shape:A']);
  }
});

test('an unknown member or parameter of an operation is rejected with a suggestion, and nothing changes', async () => {
  for (const service of services) {
    await write(service, ['strict:A']);
    for (const [path, body, field, hint] of [
      ['/v1/flush', { teir: 'local' }, 'teir', /known members are tier/],
      ['/v1/flush', { Tier: 'local' }, 'Tier', /did you mean "tier"/],
      ['/v1/warmup', { patern: 'x' }, 'patern', /did you mean "pattern"/],
      ['/v1/cleanup', { all: true }, 'all', /this request takes no members/],
      ['/v1/invalidate', { keys: ['strict:A'], type: [] }, 'type', /did you mean "types"/],
    ] as const)
      assert.match(await assertProblem(await post(service, path, body), 'body_invalid', field), hint);
    for (const path of ['flush', 'cleanup', 'warmup', 'invalidate'])
      await assertProblem(await post(service, `/v1/${path}?tier=local`), 'query_invalid', 'tier');
    const listed = await service.fetch('/v1/keys?patern=*');
    assert.match(await assertProblem(listed, 'query_invalid', 'patern'), /did you mean "pattern"/);
    await assertProblem(await service.fetch('/v1/keys?limit=1&limit=2'), 'query_invalid', 'limit');
    assert.deepEqual(await present(service, ['strict:A']), ['strict:A']);
  }
});

test('warmup loads keys from Redis into L1', async () => {
  await write(near, names('w', 1_200));
  assert.deepEqual(await jsonOf(await post(far, '/v1/warmup')), { warmed: 1_200 });
  for (const key of ['w:0', 'w:1199']) {
    const response = await get(far, key);
    assert.match(response.headers.get('cache-status')!, /^ratecache-l1; hit/, key);
  }
});

test('warmup loads only keys that match the pattern, and at most the limit', async () => {
  await write(near, [...names('w', 50), ...names('v', 50)]);
  assert.deepEqual(await jsonOf(await post(far, '/v1/warmup', { pattern: 'v:*' })), { warmed: 50 });
  assert.match((await get(far, 'w:1')).headers.get('cache-status')!, /^ratecache-l2; hit/);
  await flush(far, 'local');
  assert.deepEqual(await jsonOf(await post(far, '/v1/warmup', { limit: 7 })), { warmed: 7 });
});

test('warmup rejects an invalid limit, and a standalone service rejects warmup', async () => {
  for (const limit of [0, -1, 1.5, '5'])
    await assertProblem(await post(near, '/v1/warmup', { limit }), 'body_invalid', 'limit');
  await assertProblem(await post(near, '/v1/warmup', { pattern: '' }), 'pattern_invalid', 'pattern');
  await assertProblem(await post(alone, '/v1/warmup'), 'standalone');
});

test('keys lists the name, the type and the remaining TTL', async () => {
  for (const service of services) {
    await write(service, ['borrow_rate:K', 'k/é 💸', 'min_rate:K']);
    const response = await service.fetch('/v1/keys');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const { keys, cursor } = await jsonOf(response);
    assert.equal(cursor, null);
    const sorted = keys.sort((a: Listed, b: Listed) => (a.key < b.key ? -1 : 1)) as Listed[];
    assert.deepEqual(
      sorted.map(({ key, type }) => [key, type]),
      [
        ['borrow_rate:K', 'borrow_rate'],
        ['k/é 💸', 'other'],
        ['min_rate:K', 'min_rate'],
      ],
    );
    const lives = [300, Number(PATIENT.CALCULATION_RESULT_TTL), 86_400];
    for (const [i, life] of lives.entries()) {
      const { ttl } = sorted[i]!;
      assert.ok(ttl! > life - 10 && ttl! <= life, `${ttl} of ${life}`);
    }
  }
});

test('keys lists a key without a TTL, and no key outside the prefix', async () => {
  await redis.cli('SET', `${PREFIX}eternal`, '{"value":1,"timestamp":1,"source":"x"}');
  await redis.cli('SET', 'outside', '1');
  const { keys } = await jsonOf(await near.fetch('/v1/keys'));
  assert.deepEqual(keys, [{ key: 'eternal', type: 'other', ttl: null }]);
});

test('keys returns each of 2,500 keys at least once, page by page', async () => {
  const all = names('page', 2_500);
  for (const service of services) {
    await write(service, [...all, ...names('skip', 100)]);
    for (const limit of [undefined, 1_000, 333]) {
      const seen = new Set<string>();
      let pages = 0;
      let cursor: string | null = '';
      while (cursor !== null) {
        const size: string = limit === undefined ? '' : `&limit=${limit}`;
        const response: Response = await service.fetch(`/v1/keys?pattern=page:*&cursor=${cursor}${size}`);
        const page: { keys: Listed[]; cursor: string | null } = await jsonOf(response);
        for (const { key } of page.keys) seen.add(key);
        ({ cursor } = page);
        assert.ok(++pages < 200, 'it ends');
      }
      assert.deepEqual([...seen].sort(), all.toSorted(), `limit ${limit}`);
      assert.ok(pages > 2_500 / (limit ?? 100) / 2, `${pages} pages`);
    }
  }
});

test('standalone, keys returns every key that exists throughout, while other keys change', async () => {
  const stay = names('stay', 300);
  await write(alone, [...names('go', 300), ...stay]);
  const seen: string[] = [];
  let cursor: string | null = '';
  for (let turn = 0; cursor !== null; turn++) {
    const response: Response = await alone.fetch(`/v1/keys?limit=50&cursor=${cursor}`);
    const page: { keys: Listed[]; cursor: string | null } = await jsonOf(response);
    seen.push(...page.keys.map(({ key }) => key));
    ({ cursor } = page);
    const keys = names('go', 300).slice(turn * 40, turn * 40 + 40);
    if (keys.length > 0) await post(alone, '/v1/mdelete', { keys });
    await write(alone, [...names(`new${turn}`, 20), ...stay.slice(turn * 20, turn * 20 + 20)]);
  }
  assert.deepEqual(seen.filter((key) => key.startsWith('stay:')).sort(), stay.toSorted());
  assert.equal(new Set(seen).size, seen.length, 'a key was listed twice');
});

test('keys by type lists only keys of that type', async () => {
  for (const service of services) {
    await write(service, ['min_rate:A', 'min_rate:B', 'min_rates:C', 'borrow_rate:A', 'plain']);
    const list = async (query: string) =>
      (await jsonOf(await service.fetch(`/v1/keys?limit=1000&${query}`))).keys
        .map(({ key }: Listed) => key)
        .sort();
    assert.deepEqual(await list('type=min_rate'), ['min_rate:A', 'min_rate:B']);
    assert.deepEqual(await list('type=other'), ['min_rates:C', 'plain']);
    assert.deepEqual(await list('type=volatility'), []);
    assert.deepEqual(await list('pattern=*rate%3A%5BA%5D'), ['borrow_rate:A', 'min_rate:A']);
  }
});

test('keys rejects an invalid limit, cursor, type or pattern, and the error names the parameter', async () => {
  for (const service of services) {
    const refused = (query: string, field: string) =>
      service.fetch(`/v1/keys?${query}`).then((r) => assertProblem(r, 'query_invalid', field));
    for (const limit of ['0', '1001', '-1', '1.5', 'x', '']) await refused(`limit=${limit}`, 'limit');
    for (const cursor of ['x', '-1', '1.5', '18446744073709551616', '9'.repeat(21)])
      await refused(`cursor=${cursor}`, 'cursor');
    await refused('type=nonsense', 'type');
    await refused('type=min_rate&pattern=*', 'type');
    for (const pattern of ['%FF', 'a%', '%', '%E2%82', '%zz']) await refused(`pattern=${pattern}`, 'pattern');
    await assertProblem(await service.fetch('/v1/keys?pattern='), 'pattern_invalid', 'pattern');
  }
});

test('keys returns msgpack on request', async () => {
  for (const service of services) {
    await write(service, ['k:1']);
    const response = await service.fetch('/v1/keys', { headers: { accept: MSGPACK_TYPE } });
    const { keys, cursor } = unpack(await bytesOf(response));
    assert.equal(cursor, null);
    assert.equal(keys[0].key, 'k:1');
    const refused = await service.fetch('/v1/keys', { headers: { accept: 'text/html' } });
    await assertProblem(refused, 'not_acceptable', 'Accept');
  }
});

test('keys does not list an expired key', async () => {
  for (const service of services) {
    await write(service, ['over:1'], 0.1);
    await until(async () => (await jsonOf(await service.fetch('/v1/keys'))).keys.length === 0);
    await del(service, 'over:1');
  }
});

type Listed = { key: string; type: string; ttl: number | null };

function names(type: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${type}:${i}`);
}

async function write(service: Service, keys: readonly string[], ttl?: number): Promise<void> {
  if (keys.length === 1) {
    const query = ttl === undefined ? '' : `?ttl=${ttl}`;
    assert.ok((await put(service, keys[0]!, '1', { query })).ok);
    return;
  }
  for (let i = 0; i < keys.length; i += 1_000) {
    const entries = keys.slice(i, i + 1_000).map((key) => ({ key, value: 1, ttl }));
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    assert.ok(results.every(({ status }: { status: string }) => status === 'stored'));
  }
}

const OVER = ['c:1', 'c:2', 'c:3'];

/** Calls cleanup until `enough` holds, and checks that an unexpired key stays. Returns how many entries were removed. */
async function cleanedUp(
  service: Service,
  enough: (removed: number) => boolean | Promise<boolean>,
): Promise<number> {
  await write(service, OVER, 0.1);
  await write(service, ['c:4']);
  let removed = 0;
  await until(async () => {
    removed += (await jsonOf(await post(service, '/v1/cleanup'))).removed;
    return enough(removed);
  });
  assert.deepEqual(await jsonOf(await post(service, '/v1/cleanup')), { removed: 0 });
  assert.deepEqual(await present(service, ['c:4']), ['c:4']);
  return removed;
}

/** Which of the keys can be read. */
async function present(service: Service, keys: readonly string[]): Promise<string[]> {
  const { results } = await jsonOf(await post(service, '/v1/mget', { keys }));
  return keys.filter((_, i) => results[i].status === 'hit');
}

async function invalidate(service: Service, body: unknown): Promise<unknown> {
  return jsonOf(await post(service, '/v1/invalidate', body));
}

async function flush(service: Service, tier?: string): Promise<unknown> {
  return jsonOf(await post(service, '/v1/flush', { tier }));
}
