import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RatecacheError } from '../../src/client/errors.ts';
import { connect } from '../../src/client/node.ts';
import { jsonOf, pathOf, post } from '../support/client.ts';
import {
  expectedOf,
  membersOf,
  type Outcome,
  openStage,
  outcomeOf,
  REASON,
  type Row,
  rows,
  type Stage,
} from '../support/quality-table.ts';
import { connectWs, JSON_PROTOCOL, MSGPACK_PROTOCOL } from '../support/ws-client.ts';

let stage: Stage;

before(async () => {
  stage = await openStage();
});

after(() => stage?.stop());

type Way = (key: string, row: Row) => Promise<Outcome>;

/** Reads a key in each way that a program has. */
const WAYS: Record<string, Way> = {
  'GET /v1/cache/{key}': async (key, { wish }) => {
    const response = await stage.service.fetch(`${pathOf(key)}${wish === '' ? '' : `?${wish}`}`);
    const body = await jsonOf(response);
    if (response.status === 404) return { status: 'miss' };
    if (response.status === 503) {
      assert.deepEqual([body.code, body.detail], ['halted', REASON]);
      return { status: 'halted' };
    }
    assert.equal(response.status, 200);
    const [, quality = 'good'] =
      /; (suspect|halted)(; fallback)?$/.exec(response.headers.get('cache-status')!) ?? [];
    if (quality !== 'good') assert.equal(response.headers.get('cache-control'), 'no-store');
    return { status: 'hit', value: body, quality };
  },
  'POST /v1/mget': async (key, { wish }) => {
    const answer = await post(stage.service, '/v1/mget', { keys: [key], ...membersOf(wish) });
    const [item] = (await jsonOf(answer)).results;
    assert.equal(item.key, key);
    return outcomeOf(item);
  },
  'WebSocket get, JSON': (key, row) => overWebSocket(key, row, JSON_PROTOCOL, 'get'),
  'WebSocket get, msgpack': (key, row) => overWebSocket(key, row, MSGPACK_PROTOCOL, 'get'),
  'WebSocket mget, JSON': (key, row) => overWebSocket(key, row, JSON_PROTOCOL, 'mget'),
  'WebSocket mget, msgpack': (key, row) => overWebSocket(key, row, MSGPACK_PROTOCOL, 'mget'),
  'the client over WebSocket': (key, row) => withClient('ws', key, row),
  'the client over HTTP': (key, row) => withClient('http', key, row),
};

async function overWebSocket(key: string, row: Row, protocol: string, op: string) {
  const ws = await connectWs(stage.service, { protocol });
  try {
    const named = op === 'get' ? { key } : { keys: [key] };
    const answer = await ws.request(op, { ...named, ...membersOf(row.wish) });
    return outcomeOf(op === 'get' ? answer : answer.results[0]);
  } finally {
    await ws.close();
  }
}

async function withClient(scheme: string, key: string, { wish }: Row): Promise<Outcome> {
  const client = await connect(stage.service.url.replace('http', scheme), {
    timeoutMs: 30_000,
    nearCache: {},
  });
  try {
    const [result] = await client.getMany([key], membersOf(wish));
    const many = outcomeOf(result);
    const one = await client.get(key, membersOf(wish)).then(outcomeOf, (error): Outcome => {
      assert.ok(error instanceof RatecacheError, String(error));
      return outcomeOf(error);
    });
    assert.deepEqual(one, many);
    return many;
  } finally {
    await client.close();
  }
}

for (const row of rows())
  test(`a key that is ${row.state}, read with "${row.wish}", is answered: ${row.answer}`, async () => {
    const key = await stage.prepare(row.state);
    for (const [way, read] of Object.entries(WAYS))
      assert.deepEqual(await read(key, row), expectedOf(row), way);
  });
