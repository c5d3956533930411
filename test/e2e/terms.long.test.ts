import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Service } from '../../loadtest/target/service.ts';
import { RatecacheError } from '../../src/client/errors.ts';
import { connect } from '../../src/client/node.ts';
import { get, jsonOf, pathOf, post } from '../support/client.ts';
import {
  assertOutcome,
  membersOf,
  type Outcome,
  openStage,
  type Row,
  rows,
  type Stage,
} from '../support/terms-table.ts';
import { connectWs, JSON_PROTOCOL, MSGPACK_PROTOCOL } from '../support/ws-client.ts';

let stage: Stage;

before(async () => {
  stage = await openStage();
});

after(() => stage?.stop());

/** Reads a key on terms in each way that a program has. */
const WAYS: Record<string, (service: Service, key: string, row: Row) => Promise<Outcome>> = {
  async 'POST /v1/mget'(service, key, { terms }) {
    const { results } = await jsonOf(await post(service, '/v1/mget', { keys: [key], ...membersOf(terms) }));
    return outcomeOf(results[0]);
  },
  'WebSocket get, JSON': (service, key, row) => overWebSocket(service, key, row, JSON_PROTOCOL, 'get'),
  'WebSocket get, msgpack': (service, key, row) => overWebSocket(service, key, row, MSGPACK_PROTOCOL, 'get'),
  'WebSocket mget, JSON': (service, key, row) => overWebSocket(service, key, row, JSON_PROTOCOL, 'mget'),
  'WebSocket mget, msgpack': (service, key, row) =>
    overWebSocket(service, key, row, MSGPACK_PROTOCOL, 'mget'),
  'the client over WebSocket': (service, key, row) => withClient(service.url.replace('http', 'ws'), key, row),
  'the client over HTTP': (service, key, row) => withClient(service.url, key, row),
};

// biome-ignore lint/suspicious/noExplicitAny: an item as the service sends it
function outcomeOf({ status, code, age }: any): Outcome {
  return code === 'terms_not_met' ? { status: code, age } : { status };
}

async function overWebSocket(service: Service, key: string, row: Row, protocol: string, op: string) {
  const ws = await connectWs(service, { protocol });
  try {
    const named = op === 'get' ? { key } : { keys: [key] };
    const answer = await ws.request(op, { ...named, ...membersOf(row.terms) });
    return outcomeOf(op === 'get' ? answer : answer.results[0]);
  } finally {
    await ws.close();
  }
}

async function withClient(url: string, key: string, { terms }: Row): Promise<Outcome> {
  const client = await connect(url, { timeoutMs: 30_000 });
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  try {
    const [result] = await client.getMany([key], membersOf(terms));
    const many = outcomeOf({ ...result, age: seconds(result.age) });
    const one = await client.get(key, membersOf(terms)).then(
      ({ status }) => status,
      (error) => {
        assert.ok(error instanceof RatecacheError, String(error));
        assert.equal(error.ageMs === undefined, many.age === undefined);
        return error.code;
      },
    );
    assert.equal(one, many.status);
    return many;
  } finally {
    await client.close();
  }
}

for (const row of rows())
  test(`a value ${row.state} with the terms "${row.terms}" is ${row.answer}`, async () => {
    for (const method of ['GET', 'HEAD']) {
      const { service, key } = await stage.prepare(row.state);
      const headers = row.terms === '' ? {} : { 'cache-control': row.terms };
      const response = await service.fetch(pathOf(key), { method, headers });
      assert.equal(response.status, Number(row.answer.slice(0, 3)), method);
      const status = response.headers.get('cache-status') ?? '';
      if (row.answer === '200 from L1') assert.match(status, /^ratecache-l1; hit/);
      if (row.answer === '200 from Redis') assert.match(status, /^ratecache-l2; hit/);
      if (method === 'HEAD' || response.status !== 504) continue;
      const { code, age } = await jsonOf(response);
      assertOutcome(row, { status: code, age });
    }
    for (const [way, read] of Object.entries(WAYS)) {
      const { service, key } = await stage.prepare(row.state);
      await assert.doesNotReject(async () => assertOutcome(row, await read(service, key, row)), way);
    }
  });

test('a malformed Cache-Control is refused, and unknown directives are ignored', async () => {
  const { service, key } = await stage.prepare('in L1');
  for (const value of [
    'max-age',
    'max-age=',
    'max-age=-1',
    'max-age=1.5',
    'max-age=soon',
    'max-age="1',
    'min-fresh=1s',
    'max-age=1, max-age=2',
    'max-age 30',
    '@',
  ]) {
    const response = await get(service, key, { 'cache-control': value });
    assert.equal(response.status, 400, value);
    const { code, field } = await jsonOf(response);
    assert.deepEqual([code, field], ['bad_request', 'Cache-Control'], value);
  }
  for (const value of [
    'max-stale',
    'max-stale=5, no-transform',
    'x="a, max-age=0", y',
    'MAX-AGE=300',
    'max-age="300"',
    'max-age=300, max-age=300',
    ' , max-age=300 ,',
    `max-age=${'9'.repeat(400)}`,
  ])
    assert.equal((await get(service, key, { 'cache-control': value })).status, 200, value);
});

test('a member with a wrong value is refused', async (t) => {
  const { service, key } = await stage.prepare('in L1');
  const ws = await connectWs(service);
  t.after(() => ws.close());
  for (const [name, value] of [
    ['maxAge', -1],
    ['maxAge', '30'],
    ['minFresh', null],
    ['noCache', false],
    ['onlyIfCached', 1],
  ] as const) {
    const batch = await jsonOf(await post(service, '/v1/mget', { keys: [key], [name]: value }));
    assert.deepEqual([batch.code, batch.field], ['body_invalid', name]);
    for (const [op, named] of [
      ['get', { key }],
      ['mget', { keys: [key] }],
    ] as const) {
      const { code, field } = await ws.request(op, { ...named, [name]: value });
      assert.deepEqual([code, field], ['frame_invalid', name]);
    }
  }
  const deletion = await jsonOf(await post(service, '/v1/mdelete', { keys: [key], maxAge: 1 }));
  assert.equal(deletion.code, 'body_invalid', 'a deletion has no terms');
});

test('terms apply to the fallback', async () => {
  const { service } = await stage.prepare('absent');
  const asOf = new Date(Date.now() - 20_000).toISOString();
  await service.fetch(`${pathOf('min_rate:T')}?asOf=${asOf}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '1',
  });
  const read = (terms: string) =>
    service.fetch(`${pathOf('borrow_rate:T')}?fallback=min_rate`, { headers: { 'cache-control': terms } });
  assert.equal((await read('max-age=60')).status, 200);
  assert.equal((await read('max-age=10')).status, 504);
});
