/** Every cell of the table in docs/security/access.md, against a real service with a real Redis. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import type { HttpDeps } from '../../src/http/deps.ts';
import type { Ops } from '../../src/http/ops.ts';
import { opsRoutes, routes } from '../../src/http/server.ts';
import { OPERATION_NAMES } from '../../src/push/requests.ts';
import { rowsOf, sectionOf } from '../docs/markdown.ts';
import { jsonOf } from '../support/client.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';
import { connectWs, type Message, Refused } from '../support/ws-client.ts';

const PAGE = readFileSync(new URL('../../docs/security/access.md', import.meta.url), 'utf8');
const COLUMNS = ['no token', 'wrong', 'expired', 'read', 'write', 'admin', 'wrong prefix'];
const KEY = 'borrow_rate:MATRIX';
const ROWS = rowsOf(sectionOf(PAGE, 'Requests and rights')).map(([request, ...cells]) => ({
  request: request!.replaceAll('`', ''),
  cells: cells.map((cell) => cell.replaceAll('`', '')),
}));
const isHttp = (request: string) => /^[A-Z]+ \//.test(request);

/** The bodies of POST requests, the parameters of GET requests, and the members of WebSocket requests. */
const PARTS: Readonly<Record<string, object>> = {
  heartbeat: { interval: 1000 },
  'POST /v1/mget': { keys: [KEY] },
  'POST /v1/mset': { entries: [{ key: KEY, value: 1 }] },
  'POST /v1/mdelete': { keys: [KEY] },
  'POST /v1/invalidate keys': { keys: [KEY] },
  'POST /v1/invalidate types': { types: ['borrow_rate'] },
  'POST /v1/invalidate pattern': { pattern: 'borrow_rate:M*' },
  'POST /v1/warmup': { pattern: 'borrow_rate:*' },
  'GET /v1/events keys': { keys: KEY },
  'GET /v1/events types': { types: 'borrow_rate' },
  'GET /v1/events prefixes': { prefixes: 'borrow_rate:' },
  'PUT /v1/sources/{name}': { types: ['borrow_rate'], ttl: 60 },
  'POST /v1/marks keys': { keys: [KEY], state: 'suspect', reason: 'why', ttl: 60 },
  'POST /v1/marks types': { types: ['borrow_rate'], state: 'suspect', reason: 'why', ttl: 60 },
  'POST /v1/unmark keys': { keys: [KEY] },
  'POST /v1/unmark prefixes': { prefixes: ['borrow_rate:'] },
  get: { key: KEY },
  mget: { keys: [KEY] },
  register: { keys: [KEY] },
  set: { key: KEY, value: 1 },
  delete: { key: KEY },
  'subscribe keys': { keys: [KEY] },
  'subscribe types': { types: ['borrow_rate'] },
  'subscribe prefixes': { prefixes: ['borrow_rate:'] },
};

let tokens: TokensFile;
let redis: RedisServer;
let service: Service;

before(async () => {
  tokens = tokensFile({
    read: { scopes: ['read'] },
    write: { scopes: ['write'] },
    admin: { scopes: ['admin'] },
    expired: { scopes: ['read', 'write', 'admin'], expires: '2020-01-01T00:00:00Z' },
    'wrong-prefix': { scopes: ['read', 'write', 'admin'], prefixes: ['volatility:', 'borrow_rate:X'] },
  });
  redis = await startRedis();
  service = await startService({ env: { ...redisEnv(redis), ...PATIENT, AUTH_TOKENS_FILE: tokens.path } });
  await until(async () => (await jsonOf(await service.fetch('/health'))).coherence === 'coherent');
});

after(async () => {
  await service?.stop();
  await redis?.stop();
  tokens?.remove();
});

test('the table has every route and every WebSocket request, and each kind of token', () => {
  const deps = {
    cache: {},
    counters: {},
    limits: {},
    access: { allowedHosts: [], rates: {} },
  } as unknown as HttpDeps;
  const paths = Object.entries({ ...routes(deps), ...opsRoutes(deps, {} as Ops) });
  const registered = paths.flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) => `${method} ${path.replace(/\*$/, '{key}').replace(/:(\w+)$/, '{$1}')}`,
    ),
  );
  const named = ROWS.map(({ request }) =>
    isHttp(request) ? request.split(' ', 2).join(' ') : request.split(' ')[0]!,
  );
  assert.deepEqual(
    [...new Set(named)].sort(),
    [...new Set([...registered, 'GET /v1/ws', ...OPERATION_NAMES])].sort(),
  );
  const head = PAGE.split('\n').find((line) => line.startsWith('| Request |'));
  assert.equal(head, `| Request | ${COLUMNS.join(' | ')} |`);
});

for (const { request, cells } of ROWS)
  test(`${request} is answered as documented for each kind of token`, async () => {
    assert.equal(cells.length, COLUMNS.length);
    for (const [i, column] of COLUMNS.entries()) {
      const headers = headersOf(column);
      const outcome = isHttp(request) ? await overHttp(request, headers) : await overSocket(request, headers);
      assert.equal(outcome, cells[i], `${request}, ${column}`);
    }
  });

function headersOf(column: string): Record<string, string> {
  if (column === 'no token') return {};
  if (column === 'wrong') return { authorization: 'Bearer rct_wrong' };
  return tokens.bearer(column.replace(' ', '-'));
}

async function overHttp(request: string, headers: Record<string, string>): Promise<string> {
  const [method, path] = request.split(' ') as [string, string];
  if (path === '/v1/ws') return upgraded(headers);
  const part = PARTS[request];
  if (method === 'GET' && part !== undefined)
    return streamed(`${path}?${new URLSearchParams({ ...part })}`, headers);
  const body = part === undefined ? (method === 'PUT' ? '1' : undefined) : JSON.stringify(part);
  const answer = await service.fetch(
    path.replace('{key}', encodeURIComponent(KEY)).replace(/\{\w+\}/, 'ibkr'),
    {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body }),
    },
  );
  const text = await answer.text();
  if (answer.status === 401 || answer.status === 403) return String(answer.status);
  // A miss is an answer that a client without the right does not get.
  assert.ok(answer.ok || answer.status === 404, `${request}: ${answer.status} ${text}`);
  return /^\/v1\/m(get|set|delete)/.test(path) ? perKey(JSON.parse(text)) : 'allowed';
}

async function streamed(path: string, headers: Record<string, string>): Promise<string> {
  const answer = await service.fetch(path, { headers });
  await answer.body?.cancel();
  return answer.ok ? 'allowed' : String(answer.status);
}

async function upgraded(headers: Record<string, string>): Promise<string> {
  try {
    await (await connectWs(service, { headers })).close();
    return 'allowed';
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return String(error.response.status);
  }
}

async function overSocket(request: string, headers: Record<string, string>): Promise<string> {
  const refused = await upgraded(headers);
  if (refused !== 'allowed') return refused;
  const socket = await connectWs(service, { headers });
  try {
    const [op] = request.split(' ') as [string];
    const part = op === 'auth' ? { token: tokens.tokens.read } : PARTS[request];
    const answer = await socket.request(op, part);
    if (answer.ok) return op === 'mget' ? perKey(answer) : 'allowed';
    return answer.code;
  } finally {
    await socket.close();
  }
}

function perKey({ results }: Message): string {
  assert.equal(results.length, 1);
  return results[0].code === 'forbidden' ? 'per key' : 'allowed';
}
