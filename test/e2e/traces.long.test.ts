/** OTEL_TRACES_EXPORTER=otlp: what a collector receives. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { get, post, put, readIntoL1 } from '../support/client.ts';
import {
  CLIENT,
  type Collector,
  ERROR,
  INTERNAL,
  type ReceivedSpan,
  SERVER,
  startCollector,
} from '../support/collector.ts';
import { whileFrozen } from '../support/while-frozen.ts';
import { connectWs } from '../support/ws-client.ts';

const PARENT = '00f067aa0ba902b7';

let redis: RedisServer;
let collector: Collector;
let service: Service;

before(async () => {
  [redis, collector] = await Promise.all([startRedis(), startCollector()]);
  service = await startReplica(redis, collector.env);
});

after(async () => {
  await service?.stop();
  await Promise.all([redis?.stop(), collector?.stop()]);
});

/** A request with a separate trace. */
function newTrace(flags = '01'): { readonly traceId: string; readonly headers: Record<string, string> } {
  const traceId = randomBytes(16).toString('hex');
  return { traceId, headers: { traceparent: `00-${traceId}-${PARENT}-${flags}` } };
}

/** The span of the request that continues the trace. */
function requestOf(traceId: string, at = collector): Promise<ReceivedSpan> {
  return at.span((span) => span.traceId === traceId && span.kind === SERVER);
}

async function traced(key: string): Promise<{ readonly response: Response; readonly request: ReceivedSpan }> {
  const { traceId, headers } = newTrace();
  const response = await get(service, key, headers);
  await response.arrayBuffer();
  return { response, request: await requestOf(traceId) };
}

async function openRequests(): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  return Number(/^ratecache_http_open_requests (\d+)$/m.exec(text)![1]);
}

test('an L1 hit continues the trace of its traceparent, and says tier, state and age', async () => {
  await put(service, 'borrow_rate:HIT', '1');
  await readIntoL1(service, 'borrow_rate:HIT');
  const { response, request } = await traced('borrow_rate:HIT');
  assert.match(response.headers.get('cache-status')!, /^ratecache-l1; hit/);
  assert.equal(request.name, 'GET /v1/cache/{key}');
  assert.equal(request.parentSpanId, PARENT);
  const { 'ratecache.age': age, ...attributes } = request.attributes;
  assert.ok(Number(age) >= 0 && Number(age) < 300, `${age}`);
  assert.deepEqual(attributes, {
    'http.request.method': 'GET',
    'http.route': '/v1/cache/{key}',
    'http.response.status_code': 200,
    'ratecache.key': 'borrow_rate:HIT',
    'ratecache.tier': 'l1',
    'ratecache.state': 'coherent',
  });
  const lookup = await collector.childOf(request, 'L1');
  assert.deepEqual(lookup.attributes, { 'ratecache.keys': 1, 'ratecache.hits': 1 });
  assert.ok(request.start <= lookup.start && lookup.end <= request.end);
  assert.equal(collector.spans.filter(({ parentSpanId }) => parentSpanId === request.spanId).length, 1);
});

test('the answer to a traced L1 hit is the answer to any other', async () => {
  await put(service, 'x:same', '{"a":1}');
  await readIntoL1(service, 'x:same');
  const shown = async (headers: Record<string, string>) => {
    const response = await get(service, 'x:same', headers);
    const { date, age, ...lines } = Object.fromEntries(response.headers);
    return { status: response.status, body: await response.text(), lines };
  };
  const ignoringTtl = ({ lines, ...rest }: Awaited<ReturnType<typeof shown>>) => ({
    ...rest,
    lines: { ...lines, 'cache-status': lines['cache-status']?.replace(/ttl=\d+/, '') },
  });
  assert.deepEqual(
    ignoringTtl(await shown(newTrace().headers)),
    ignoringTtl(await shown(newTrace('00').headers)),
  );
});

test('pipelined reads of values in L1 are answered in order, some of them traced', async (t) => {
  const keys = ['x:pipe1', 'x:pipe2', 'x:pipe3'];
  for (const [i, key] of keys.entries()) await put(service, key, String(i));
  await readIntoL1(service, ...keys);
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  const { traceId, headers } = newTrace();
  const lines = (i: number) => (i === 1 ? headers.traceparent : newTrace('00').headers.traceparent);
  const parts = keys.map(
    (key, i) => `GET /v1/cache/${key} HTTP/1.1\r\nHost: 127.0.0.1\r\ntraceparent: ${lines(i)}\r\n\r\n`,
  );
  await connection.send(parts.join(''));
  const answers = await connection.readResponses(keys.length);
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.toString()]),
    [
      [200, '0'],
      [200, '1'],
      [200, '2'],
    ],
  );
  assert.equal((await requestOf(traceId)).attributes['ratecache.key'], 'x:pipe2');
});

test('an L2 hit has its lookup in L1, its flight, and the command to Redis within the flight', async () => {
  await put(service, 'x:far', '1');
  // The write has dropped the key from L1.
  const { request } = await traced('x:far');
  assert.equal(request.attributes['ratecache.tier'], 'l2');
  const [lookup, flight] = await Promise.all([
    collector.childOf(request, 'L1'),
    collector.childOf(request, 'flight'),
  ]);
  assert.equal(lookup.attributes['ratecache.hits'], 0);
  assert.equal(flight.kind, INTERNAL);
  const command = await collector.childOf(flight, 'MGET');
  assert.equal(command.kind, CLIENT);
  assert.equal(command.attributes['db.system.name'], 'redis');
  assert.equal(command.attributes['db.operation.name'], 'MGET');
  for (const [outer, inner] of [
    [request, flight],
    [flight, command],
  ] as const)
    assert.ok(outer.start <= inner.start && inner.end <= outer.end, `${inner.name} is within ${outer.name}`);
});

test('a miss has the status and the code of its answer, and is not an error', async () => {
  const { request } = await traced('x:nowhere');
  assert.equal(request.attributes['http.response.status_code'], 404);
  assert.equal(request.attributes['ratecache.code'], 'cache_miss');
  assert.equal(request.attributes['ratecache.tier'], 'none');
  assert.equal(request.status, 0);
});

test('a read that joins the flight of another read has a link to it', async () => {
  const first = newTrace();
  const second = newTrace();
  const answers = await whileFrozen(redis, async () => {
    const asked = [get(service, 'x:joined', first.headers)];
    // The request for the metrics is open too.
    await until(async () => (await openRequests()) === 2);
    asked.push(get(service, 'x:joined', second.headers));
    await until(async () => (await openRequests()) === 3);
    return asked;
  });
  for (const answer of await Promise.all(answers)) await answer.arrayBuffer();
  const [opener, joiner] = await Promise.all(
    [first, second].map(async ({ traceId }) => collector.childOf(await requestOf(traceId), 'flight')),
  );
  assert.equal(joiner!.attributes['ratecache.flight.joined'], true);
  assert.deepEqual(joiner!.links, [{ traceId: opener!.traceId, spanId: opener!.spanId }]);
  assert.deepEqual(opener!.links, []);
  await collector.childOf(opener!, 'MGET');
  await reachesRedis(service);
});

test('a client that disconnects before the answer leaves a request with an error, and a flight', async () => {
  const { traceId, headers } = newTrace();
  await whileFrozen(redis, async () => {
    const gone = new AbortController();
    const asked = service.fetch('/v1/cache/x:aborted', { headers, signal: gone.signal });
    await until(async () => (await openRequests()) === 2);
    gone.abort();
    await assert.rejects(asked);
    await until(async () => (await openRequests()) === 1);
  });
  const request = await requestOf(traceId);
  assert.equal(request.attributes['error.type'], 'aborted');
  assert.equal(request.attributes['http.response.status_code'], undefined);
  assert.equal(request.status, ERROR);
  await collector.childOf(request, 'flight');
  await reachesRedis(service);
});

test('an mget has one lookup and one flight for all keys, and the tier of all or mixed', async () => {
  await put(service, 'x:near', '1');
  await readIntoL1(service, 'x:near');
  const { traceId, headers } = newTrace();
  const keys = ['x:near', 'x:absent1', 'x:absent2'];
  await (await post(service, '/v1/mget', { keys }, headers)).arrayBuffer();
  const request = await requestOf(traceId);
  assert.equal(request.name, 'POST /v1/mget');
  assert.equal(request.attributes['ratecache.keys'], 3);
  assert.equal(request.attributes['ratecache.tier'], 'mixed');
  assert.deepEqual((await collector.childOf(request, 'L1')).attributes, {
    'ratecache.keys': 3,
    'ratecache.hits': 1,
  });
  await collector.childOf(await collector.childOf(request, 'flight'), 'MGET');
  assert.equal(collector.spans.filter(({ parentSpanId }) => parentSpanId === request.spanId).length, 2);
});

test('a write has the command to Redis, and a refused one its code', async () => {
  const { traceId, headers } = newTrace();
  await put(service, 'x:written', '1', { headers });
  const request = await requestOf(traceId);
  assert.equal(request.name, 'PUT /v1/cache/{key}');
  assert.equal(request.attributes['ratecache.key'], 'x:written');
  assert.equal((await collector.childOf(request, 'EVALSHA')).kind, CLIENT);
  const refused = newTrace();
  await put(service, 'x:written', '2', { headers: { ...refused.headers, 'if-none-match': '*' } });
  const { attributes } = await requestOf(refused.traceId);
  assert.equal(attributes['http.response.status_code'], 412);
  assert.equal(attributes['ratecache.code'], 'precondition_failed');
});

test('a request of a WebSocket begins a trace', async (t) => {
  const ws = await connectWs(service);
  t.after(() => ws.close());
  await put(service, 'x:socket', '1');
  await ws.request('get', { key: 'x:socket' });
  const request = await collector.span(
    ({ attributes }) =>
      attributes['ratecache.key'] === 'x:socket' && attributes['ratecache.tier'] !== undefined,
  );
  assert.equal(request.name, 'ws get');
  assert.equal(request.kind, SERVER);
  assert.equal(request.parentSpanId, '');
  assert.equal(request.attributes['ratecache.tier'], 'l2');
  await collector.childOf(await collector.childOf(request, 'flight'), 'MGET');

  await readIntoL1(service, 'x:socket');
  await ws.request('get', { key: 'x:socket' });
  const hit = await collector.span(
    ({ name, attributes }) => name === 'ws get' && attributes['ratecache.tier'] === 'l1',
  );
  assert.equal(hit.kind, SERVER);
  assert.equal(hit.attributes['ratecache.key'], 'x:socket');
  assert.equal(hit.attributes['ratecache.state'], 'coherent');
  assert.ok(Number(hit.attributes['ratecache.age']) >= 0);
  assert.equal((await collector.childOf(hit, 'L1')).attributes['ratecache.hits'], 1);
});

test('a malformed traceparent begins a new trace, and tracestate is passed on', async () => {
  await put(service, 'x:broken', '1');
  await get(service, 'x:broken', { traceparent: `00-${'0'.repeat(32)}-${PARENT}-01` });
  const request = await collector.span(
    ({ attributes }) =>
      attributes['ratecache.key'] === 'x:broken' && attributes['http.request.method'] === 'GET',
  );
  assert.notEqual(request.traceId, '0'.repeat(32));
  assert.equal(request.parentSpanId, '');
  const { traceId, headers } = newTrace();
  await get(service, 'x:broken', { ...headers, tracestate: 'vendor=1' });
  assert.equal((await requestOf(traceId)).traceState, 'vendor=1');
});

test('two lines traceparent begin a new trace, and two lines tracestate are passed on as one', async (t) => {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  const send = (key: string, ...lines: string[]) =>
    connection.send(`GET /v1/cache/${key} HTTP/1.1\r\nHost: x\r\n${lines.join('\r\n')}\r\n\r\n`);
  const [first, second] = [newTrace(), newTrace()];
  await send(
    'x:twice',
    `traceparent: ${first.headers.traceparent}`,
    `Traceparent: ${second.headers.traceparent}`,
  );
  const request = await collector.span(({ attributes }) => attributes['ratecache.key'] === 'x:twice');
  assert.ok(![first.traceId, second.traceId].includes(request.traceId));
  assert.equal(request.parentSpanId, '');
  const third = newTrace();
  await send('x:states', `traceparent: ${third.headers.traceparent}`, 'tracestate: a=1', 'TraceState: b=2');
  assert.equal((await requestOf(third.traceId)).traceState, 'a=1,b=2');
});

test('spans name the service, its version and its process', async () => {
  const { request } = await traced('x:resource');
  assert.equal(request.resource['service.name'], 'ratecache');
  assert.equal(request.resource['service.version'], packageJson.version);
  assert.equal(request.resource['process.pid'], service.pid);
  assert.match(String(request.resource['service.instance.id']), /^[\da-f]{8}$/);
});

test('a replay after an outage has a span, with the commands that it sends', async (t) => {
  const own = await startRedis();
  t.after(() => own.stop());
  const hurried = await startReplica(own, { ...collector.env, REDIS_COMMAND_TIMEOUT_MS: '50' });
  t.after(() => hurried.stop());
  await whileFrozen(own, async () => {
    assert.equal((await put(hurried, 'x:later', '1')).status, 202);
  });
  await until(async () => (await own.cli('EXISTS', 'borrow_rate_engine:x:later')) === '1');
  const replay = await collector.span(
    ({ name, attributes, resource }) =>
      name === 'replay' &&
      resource['process.pid'] === hurried.pid &&
      attributes['ratecache.replay.left'] === 0,
  );
  assert.equal(replay.parentSpanId, '');
  await collector.childOf(replay, 'EVALSHA');
});

test('without Redis the request says so, and the span of the command is an error', async (t) => {
  const own = await startRedis();
  t.after(() => own.stop());
  const hurried = await startReplica(own, { ...collector.env, REDIS_COMMAND_TIMEOUT_MS: '50' });
  t.after(() => hurried.stop());
  const { traceId, headers } = newTrace();
  await whileFrozen(own, async () => {
    assert.equal((await get(hurried, 'x:unknown', headers)).status, 404);
  });
  const request = await requestOf(traceId);
  assert.equal(request.attributes['ratecache.tier'], 'unknown');
  const command = await collector.childOf(await collector.childOf(request, 'flight'), 'MGET');
  assert.equal(command.status, ERROR);
});

test('what the sampler does not choose is not sent, and the answer is the same', async (t) => {
  const quiet = await startService({
    standalone: true,
    env: { ...collector.env, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
  });
  t.after(() => quiet.stop());
  await put(quiet, 'x:quiet', '1');
  for (let i = 0; i < 20; i++) assert.equal((await get(quiet, 'x:quiet')).status, 200);
  await get(quiet, 'x:quiet', newTrace('00').headers);
  // The sampled parent is obeyed, and its span is the only one.
  const { traceId, headers } = newTrace();
  await get(quiet, 'x:quiet', headers);
  await requestOf(traceId);
  await quiet.stop();
  const sent = collector.spans.filter(({ resource }) => resource['process.pid'] === quiet.pid);
  assert.deepEqual([...new Set(sent.map((span) => span.traceId))], [traceId]);
});

test('OTEL_PROPAGATORS=none disregards traceparent, and flags and ENV_FILE reach the exporter', async (t) => {
  const alone = await startService({
    standalone: true,
    args: ['--otel-service-name', 'prices', '--otel-exporter-otlp-headers', 'x-team=rates'],
    env: {
      ...collector.env,
      OTEL_PROPAGATORS: 'none',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    },
  });
  t.after(() => alone.stop());
  const { traceId, headers } = newTrace();
  await get(alone, 'x:alone', headers);
  const request = await collector.span(({ resource }) => resource['process.pid'] === alone.pid);
  assert.notEqual(request.traceId, traceId);
  assert.equal(request.resource['service.name'], 'prices');
  assert.equal(request.resource['deployment.environment.name'], 'test');
  assert.ok(
    alone.logs.every((line) => !JSON.stringify(line).includes('x-team')),
    'the header is not logged',
  );
});

test('warnings of the SDK are logged, and ENV_FILE reaches it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ratecache-otel-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'ratecache.env');
  writeFileSync(
    file,
    `OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-team=rates
OTEL_EXPORTER_OTLP_COMPRESSION=zstd
OTEL_EXPORTER_OTLP_TIMEOUT=10s
OTEL_EXPORTER_OTLP_CERTIFICATE=/nope.pem
`,
  );
  const warned = await startService({ standalone: true, env: { ...collector.env, ENV_FILE: file } });
  t.after(() => warned.stop());
  const { traceId, headers } = newTrace();
  await get(warned, 'x:warned', headers);
  await requestOf(traceId);
  assert.equal(collector.headers['x-team'], 'rates');
  const lines = warned.logs.filter(({ msg }) => msg === 'the SDK of OpenTelemetry warns');
  for (const expected of [
    /OTEL_EXPORTER_OTLP_COMPRESSION.*zstd/,
    /'10s' for OTEL_EXPORTER_OTLP_TIMEOUT/,
    /root certificate/,
  ])
    assert.equal(lines.filter(({ text }) => expected.test(String(text))).length, 1, `${expected}`);
  assert.ok(warned.logs.every((line) => !JSON.stringify(line).includes('x-team')));
});

test('the spans that wait are sent when the service stops', async (t) => {
  const stopping = await startService({
    standalone: true,
    env: { ...collector.env, OTEL_BSP_SCHEDULE_DELAY: '600000', SHUTDOWN_GRACE_MS: '0' },
  });
  t.after(() => stopping.stop());
  const { traceId, headers } = newTrace();
  await get(stopping, 'x:last', headers);
  assert.ok(collector.spans.every((span) => span.traceId !== traceId));
  assert.deepEqual(await stopping.stop(), { code: 0, signal: null });
  await requestOf(traceId);
});

test('while no collector answers, requests are answered, one line is logged, and the stop is not delayed', async (t) => {
  const gone = await startCollector();
  await gone.stop();
  const lonely = await startService({
    standalone: true,
    env: {
      ...gone.env,
      OTEL_EXPORTER_OTLP_TIMEOUT: '50',
      SHUTDOWN_GRACE_MS: '0',
    },
  });
  t.after(() => lonely.stop());
  const isFailure = ({ msg }: { msg?: string }) => msg?.startsWith('traces cannot be sent') === true;
  await put(lonely, 'x:lonely', '1');
  await lonely.waitForLog(isFailure);
  // More batches fail.
  for (let i = 0; i < 50; i++) assert.equal((await get(lonely, 'x:lonely')).status, 200);
  const back = await startCollector(gone.port);
  t.after(() => back.stop());
  await until(async () => {
    await (await get(lonely, 'x:lonely')).arrayBuffer();
    return lonely.logs.some(({ msg }) => msg === 'traces are sent to the collector again');
  });
  assert.equal(lonely.logs.filter(isFailure).length, 1);
  assert.ok(back.spans.length > 0);
  await back.stop();
  await get(lonely, 'x:lonely');
  assert.deepEqual(await lonely.stop(), { code: 0, signal: null });
});
