/** Server-sent events: the same snapshot, order, limits and tokens as a WebSocket. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, reachesRedis, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { del, get, jsonOf, post, put } from '../support/client.ts';
import { type EventClient, openEvents } from '../support/event-client.ts';
import { heardAll } from '../support/heard-all.ts';
import { metric } from '../support/metric.ts';
import { replicasOfFile } from '../support/services.ts';
import { tokensFile } from '../support/tokens.ts';
import { connectWs, type Message } from '../support/ws-client.ts';

const {
  redis,
  replicas: [near, far],
} = await replicasOfFile({}, {});

async function events(t: TestContext, query: string, headers: Record<string, string> = {}, service = near) {
  const client = await openEvents(service, query, headers);
  t.after(() => client.close());
  return client;
}

const streams = (service: Service) => metric(service, 'ratecache_event_streams');

/** The events of changes, without snapshots and heartbeats. */
const changesOf = (client: EventClient) =>
  client.events.filter(({ name }) => name !== 'snapshot' && name !== 'heartbeat').map(({ data }) => data);

test('a stream begins with a snapshot, then has each change of any replica in order', async (t) => {
  await put(far, 'borrow_rate:A', '{"rate":0.25}');
  await heardAll(near);
  const client = await events(t, 'keys=x:1&types=borrow_rate&prefixes=volatility:A&values=true');
  assert.equal(client.answer.statusCode, 200);
  assert.equal(client.answer.headers['content-type'], 'text/event-stream');
  assert.equal(client.answer.headers['cache-control'], 'no-store');
  const { data } = await client.next('snapshot');
  const [item, ...others] = data.snapshot;
  assert.deepEqual(others, []);
  assert.equal(item.key, 'borrow_rate:A');
  assert.deepEqual(item.value, { rate: 0.25 });
  await put(far, 'x:1', '1');
  await client.next('update', ({ key, value }) => key === 'x:1' && value === 1);
  await put(near, 'volatility:AB', '2');
  await put(near, 'volatility:B', '3');
  await del(far, 'borrow_rate:A');
  await client.next('invalidate', ({ key, reason }) => key === 'borrow_rate:A' && reason === 'delete');
  assert.deepEqual(
    changesOf(client).map(({ key }) => key),
    ['x:1', 'volatility:AB', 'borrow_rate:A'],
  );
});

test('without values, a stream reports changes as invalidate', async (t) => {
  const client = await events(t, 'keys=x:1');
  await client.next('snapshot');
  await put(near, 'x:1', '1');
  assert.deepEqual((await client.next('invalidate')).data, {
    event: 'invalidate',
    key: 'x:1',
    reason: 'set',
  });
});

test('the data of a stream are the frames of a WebSocket', async (t) => {
  const ws = await connectWs(near);
  t.after(() => ws.close());
  await ws.subscribe({ keys: ['x:1'], values: true });
  const client = await events(t, 'keys=x:1&values=true');
  await client.next('snapshot');
  await put(near, 'x:1', '{"a": 1}');
  await del(near, 'x:1');
  await client.next('invalidate');
  await ws.nextEvent(({ event }: Message) => event === 'invalidate');
  assert.deepEqual(changesOf(client), ws.events);
});

test('a value that its writer sent on several lines arrives unchanged', async (t) => {
  await put(near, 'x:1', '{\r\n "a": [1,\n 2],\r "b": "c\\nd"\n}');
  const client = await events(t, 'keys=x:1&values=true');
  const { data } = await client.next('snapshot');
  assert.deepEqual(data.snapshot[0].value, { a: [1, 2], b: 'c\nd' });
});

test('a stream reports the quality of a value as a WebSocket does, and never the value of a halted key', async (t) => {
  await put(far, 'x:1', '1');
  await heardAll(near);
  const query = 'keys=x:1&types=volatility&values=true';
  const client = await events(t, query);
  await client.next('snapshot');
  const mark = async (state: string, selection: object = { keys: ['x:1'] }) =>
    post(far, '/v1/marks', { ...selection, state, reason: 'until the open', ttl: 600 });

  await mark('suspect');
  const suspect = await client.next('update', ({ key, quality }) => key === 'x:1' && quality !== undefined);
  const { value, quality, qualityReason } = suspect.data;
  assert.deepEqual([value, quality, qualityReason], [1, 'suspect', 'until the open']);

  await mark('halted');
  const halted = await client.next('invalidate', (data) => data.quality === 'halted');
  assert.deepEqual(halted.data, {
    event: 'invalidate',
    key: 'x:1',
    reason: 'quality',
    quality: 'halted',
    qualityReason: 'until the open',
  });
  const late = await events(t, query);
  const [item] = (await late.next('snapshot')).data.snapshot;
  assert.deepEqual([item.key, item.quality, item.qualityReason], ['x:1', 'halted', 'until the open']);
  assert.equal('value' in item, false);

  await mark('suspect', { types: ['volatility'] });
  await client.next('invalidate', ({ type, reason }) => type === 'volatility' && reason === 'quality');

  await post(far, '/v1/unmark', { keys: ['x:1'] });
  const healed = await client.next('update', ({ key }) => key === 'x:1');
  assert.equal(healed.data.value, 1);
  assert.equal('quality' in healed.data, false);
  await post(far, '/v1/unmark', { types: ['volatility'] });
});

test('a client that reconnects with Last-Event-ID receives what it missed, and nothing else', async (t) => {
  await put(near, 'x:1', '1');
  await put(near, 'volatility:A', '1');
  await heardAll(near);
  const query = 'keys=x:1&types=volatility&values=true&heartbeat=100';
  const first = await events(t, query);
  await first.next('snapshot');
  const { id } = await first.next('heartbeat');
  first.close();
  await until(async () => (await streams(near)) === 0);
  await put(far, 'volatility:A', '2');
  await put(far, 'borrow_rate:A', '2');
  await heardAll(near);
  const second = await events(t, query, { 'Last-Event-ID': id });
  const { data } = await second.next('snapshot');
  assert.equal(data.resumed, true);
  assert.deepEqual(
    data.snapshot.map(({ key, value }: Message) => [key, value]),
    [['volatility:A', 2]],
  );
});

for (const id of ['0123456789abcdef:7', 'from another service', ':'])
  test(`a client with the unknown id "${id}" receives a full snapshot`, async (t) => {
    await put(near, 'x:1', '1');
    const client = await events(t, 'keys=x:1', { 'Last-Event-ID': id });
    const { data } = await client.next('snapshot');
    assert.equal(data.resumed, false);
    assert.equal(data.snapshot.length, 1);
  });

test('heartbeats come at the interval of the request, and name the position', async (t) => {
  const client = await events(t, 'keys=x:1&heartbeat=100');
  await client.next('snapshot');
  for (let i = 0; i < 3; i++) {
    const { data, id } = await client.next('heartbeat');
    assert.equal(data.coherence, 'coherent');
    assert.equal(id, `${data.epoch}:${data.offset}`);
  }
});

test('a stream without changes outlives the time-out of idle connections', async (t) => {
  const client = await events(t, 'keys=x:1');
  for (let i = 0; i < 4; i++) await client.next('heartbeat');
  assert.equal(client.complete, undefined);
});

for (const [query, code, field] of [
  ['', 'query_invalid', 'keys'],
  ['key=x:1', 'query_invalid', 'key'],
  ['keys=', 'key_invalid', 'keys[0]'],
  ['types=borrow', 'query_invalid', 'types'],
  ['types=borrow_rate,volatility', 'query_invalid', 'types'],
  ['prefixes=', 'query_invalid', 'prefixes'],
  ['keys=a&values=1', 'query_invalid', 'values'],
  ['keys=a&values=true&values=true', 'query_invalid', 'values'],
  ['keys=a&interval=0', 'query_invalid', 'interval'],
  ['keys=a&interval=x', 'query_invalid', 'interval'],
  ['keys=%FF', 'query_invalid', 'keys'],
  ['keys=a%', 'query_invalid', 'keys'],
  ['%FF=a', 'query_invalid', undefined],
  ['keys=a&heartbeat=99', 'query_invalid', 'heartbeat'],
  ['keys=a&heartbeat=5001', 'query_invalid', 'heartbeat'],
] as const)
  test(`a request with "${query}" is refused as ${code}`, async (t) => {
    const client = await events(t, query);
    const problem = await client.problem();
    assert.deepEqual([problem.code, problem.field], [code, field]);
    assert.equal(client.answer.statusCode, 400);
    assert.equal(client.answer.headers['content-type'], 'application/problem+json');
  });

test('a list has one parameter for each name, so a key may have a comma', async (t) => {
  await put(near, 'x:1,2', '1');
  await put(near, 'x:3', '1');
  const client = await events(t, 'keys=x:1,2&keys=x:3');
  const { data } = await client.next('snapshot');
  assert.deepEqual(data.snapshot.map(({ key }: Message) => key).sort(), ['x:1,2', 'x:3']);
});

test('a stream needs the scope read and the right to every name, and ends when its token is revoked', async (t) => {
  const file = tokensFile({
    reader: { scopes: ['read'], prefixes: ['x:'] },
    writer: { scopes: ['write'] },
  });
  t.after(() => file.remove());
  const service = await startService({ standalone: true, env: { ...PATIENT, AUTH_TOKENS_FILE: file.path } });
  t.after(() => service.stop());
  const refused = async (query: string, headers: Record<string, string> = {}) => {
    const client = await events(t, query, headers, service);
    return `${client.answer.statusCode} ${(await client.problem()).code}`;
  };
  assert.equal(await refused('keys=x:1'), '401 unauthenticated');
  assert.equal(await refused('keys=x:1', file.bearer('writer')), '403 forbidden');
  assert.equal(await refused('keys=y:1', file.bearer('reader')), '403 forbidden');
  assert.equal(await refused('types=volatility', file.bearer('reader')), '403 forbidden');
  const client = await events(t, 'keys=x:1', file.bearer('reader'), service);
  await client.next('snapshot');
  file.write({ writer: { scopes: ['write'] } });
  service.kill('SIGHUP');
  const { data } = await client.next('close');
  assert.deepEqual(data, { event: 'close', code: 4401, reason: 'the token has expired or was revoked' });
  await client.ended();
  assert.equal(await refused('keys=x:1', file.bearer('reader')), '401 unauthenticated');
});

test('sockets and streams share WS_MAX_CONNECTIONS, and a stream that ends makes room', async (t) => {
  const service = await startReplica(redis, { WS_MAX_CONNECTIONS: '2' });
  t.after(() => service.stop());
  const ws = await connectWs(service);
  t.after(() => ws.close());
  const first = await events(t, 'keys=x:1', {}, service);
  await first.next('snapshot');
  const refused = await events(t, 'keys=x:1', {}, service);
  assert.equal(refused.answer.statusCode, 503);
  assert.equal((await refused.problem()).code, 'too_many_connections');
  assert.equal(await streams(service), 1);
  first.close();
  await until(async () => (await streams(service)) === 0);
  assert.equal(await metric(service, 'ratecache_ws_subscriptions'), 0);
  await (await events(t, 'keys=x:1', {}, service)).next('snapshot');
});

test('names of streams count towards the quota of all sockets until the stream ends', async (t) => {
  const service = await startReplica(redis, { WS_MAX_TOTAL_NAMES: '2' });
  t.after(() => service.stop());
  const first = await events(t, 'keys=x:1&keys=x:2', {}, service);
  await first.next('snapshot');
  const refused = await events(t, 'keys=x:3', {}, service);
  assert.equal((await refused.problem()).code, 'too_many_subscriptions');
  first.close();
  await until(async () => (await streams(service)) === 0);
  await (await events(t, 'keys=x:3', {}, service)).next('snapshot');
});

test('at shutdown a stream receives the reason and ends completely', async (t) => {
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const client = await events(t, 'keys=x:1', {}, service);
  await client.next('snapshot');
  const stopped = service.stop();
  assert.deepEqual((await client.next('close')).data, { event: 'close', code: 1012, reason: 'restarting' });
  await client.ended();
  await stopped;
});

test('a client that asks to close the connection receives a stream too', async (t) => {
  const client = await events(t, 'keys=x:1', { connection: 'close' });
  await client.next('snapshot');
  await put(near, 'x:1', '1');
  await client.next('invalidate');
});

test('the pause before browsers reconnect differs between streams', async (t) => {
  const clients = await Promise.all(Array.from({ length: 5 }, () => events(t, 'keys=x:1')));
  for (const client of clients) {
    await client.next('snapshot');
    assert.ok(client.retryMs! >= 1000 && client.retryMs! <= 3000);
  }
  assert.ok(new Set(clients.map(({ retryMs }) => retryMs)).size > 1);
});

test('a request after that of a stream on the same connection ends the stream and is not executed', async (t) => {
  await put(near, 'x:1', '1');
  await until(async () => (await streams(near)) === 0);
  const connection = await connect(near.port);
  t.after(() => connection.destroy());
  await connection.send('GET /v1/events?keys=x:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await until(async () => (await streams(near)) === 1);
  await connection.send('DELETE /v1/cache/x:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await connection.closed;
  assert.equal(await streams(near), 0);
  assert.equal((await get(near, 'x:1')).status, 200);
});

const FILLER = 'x'.repeat(4000);

async function update(service: Service, rounds: number): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    const entries = Array.from({ length: 100 }, (_, i) => ({ key: `x:${i}`, value: { round, FILLER } }));
    assert.equal((await post(service, '/v1/mset', { entries })).status, 200);
  }
}

test('every event is whole, also where the socket became full in the middle of a delivery', async (t) => {
  const service = await startReplica(redis, { WS_STALL_SECONDS: '600' });
  t.after(() => service.stop());
  const client = await events(t, 'prefixes=w:&values=true', {}, service);
  await client.next('snapshot');
  let round = 0;
  for (let pause = 0; pause < 2; pause++) {
    client.pause();
    // Five events of 4 KB are delivered together: more than uWS collects before it writes. 12 MB fill the socket.
    for (const last = round + 600; round < last; round++) {
      const entries = Array.from({ length: 5 }, (_, i) => ({ key: `w:${i}`, value: { round, FILLER } }));
      assert.equal((await post(service, '/v1/mset', { entries })).status, 200);
    }
    client.resume();
    await client.next('update', ({ key, value }) => key === 'w:4' && value.round === round - 1);
  }
});

test('a client that stops reading receives the newest state of each key when it reads again', async (t) => {
  const service = await startReplica(redis, { WS_STALL_SECONDS: '600' });
  t.after(() => service.stop());
  const client = await events(t, 'prefixes=x:&values=true', {}, service);
  await client.next('snapshot');
  client.pause();
  // 60 MB: far more than the buffers of the kernel take.
  await update(service, 150);
  assert.equal(await metric(service, 'ratecache_ws_conflated_total'), 0, 'nothing merged is sent yet');
  client.resume();
  const last = await client.next('update', ({ value }) => value.round === 150);
  await until(() => {
    const newest = new Map(changesOf(client).map(({ key, value }) => [key, value.round]));
    return newest.size === 100 && [...newest.values()].every((round) => round === 150);
  });
  assert.ok(last.data.merged > 0);
  assert.ok(changesOf(client).length < 15_000, 'most states were merged');
  for (const key of ['x:0', 'x:99']) {
    const rounds = changesOf(client)
      .filter((data) => data.key === key)
      .map(({ value }) => value.round);
    assert.deepEqual(
      rounds,
      rounds.toSorted((a, b) => a - b),
      'in order',
    );
  }
});

test('a stream whose client leaves too many keys unread is closed', async (t) => {
  const service = await startService({
    env: { ...redisEnv(redis), ...PATIENT, WS_MAX_PENDING_KEYS: '50' },
  });
  t.after(() => service.stop());
  await reachesRedis(service);
  const client = await events(t, 'prefixes=x:&values=true', {}, service);
  await client.next('snapshot');
  client.pause();
  await update(service, 60);
  await until(async () => (await streams(service)) === 0);
  assert.equal(await metric(service, 'ratecache_ws_slow_closes_total'), 1);
  await until(async () => (await jsonOf(await service.fetch('/health'))).status === 'healthy');
  client.resume();
  await client.ended();
  assert.equal(client.complete, false);
});
