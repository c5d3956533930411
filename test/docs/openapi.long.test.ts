import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { freePort, type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { ERRORS } from '../../src/errors.ts';
import type { HttpDeps } from '../../src/http/deps.ts';
import type { Ops } from '../../src/http/ops.ts';
import { opsRoutes, routes } from '../../src/http/server.ts';
import { AUDIENCE, ISSUER, issuer } from '../access/support.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';
import { whileFrozen } from '../support/while-frozen.ts';
import { Contract, type Sent } from './contract.ts';
import {
  type Exercise,
  FORBIDDEN,
  FROZEN,
  FROZEN_KEEPING,
  GONE,
  GONE_KEEPING,
  LIMITS,
  plain,
  STANDALONE,
  STREAMS,
  UPGRADES,
  upgrade,
  VALUE,
  WELL,
} from './requests.ts';
import { sendRequest, sendRequestOn } from './send-request.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const contract = new Contract(new URL('../../docs/openapi.yaml', import.meta.url));
/** Codes of WebSocket or of items only, or of requests without an operation. */
const OF_NO_OPERATION = [
  'frame_invalid',
  // Of an item of a batch.
  'answer_too_large',
  'not_found',
  'method_not_allowed',
  'transfer_coding_unsupported',
  // Only with TLS_CA_FILE, for every operation: test/e2e/tls.long.test.ts.
  'certificate_required',
];

/** Answered in overload too. With PROCESSES they need the supervisor, or a process. */
const PROBES = ['GET /metrics', 'HEAD /metrics', 'GET /stats', 'HEAD /stats'];

/** Enough to name the routes. */
const NOTHING = {
  cache: {},
  counters: {},
  limits: {},
  access: { allowedHosts: [], rates: {} },
} as unknown as HttpDeps;

let redis: RedisServer;
let fragile: RedisServer;
let service: Service;
/** Its Redis is `fragile`; it has no L1 and no pending writes. */
let strict: Service;
/** Its Redis is `fragile`; it has room for three pending writes. */
let keeping: Service;
let standalone: Service;
let defective: Service;
/** It has tokens, and cannot verify JWTs. */
let guarded: Service;
let tokens: TokensFile;
// Only the sources can be given a defect.
delete process.env.RATECACHE_BINARY;

before(async () => {
  [redis, fragile] = await Promise.all([startRedis(), startRedis()]);
  const frozen = { REDIS_COMMAND_TIMEOUT_MS: '1000', BREAKER_FAILURES: '1000' };
  const nothing = {
    PENDING_WRITES_MAX_ENTRIES: '0',
    ENABLE_LOCAL_CACHE: 'false',
    READY_REQUIRES_REDIS: 'true',
  };
  tokens = tokensFile({
    reader: { scopes: ['read'] },
    admin: { scopes: ['admin'] },
    loud: { scopes: ['read', 'write', 'admin'], limits: { bytesPerSecond: 1 } },
  });
  [service, strict, keeping, standalone, guarded, defective] = await Promise.all([
    startReplica(redis, { ...LIMITS, WS_ALLOWED_ORIGINS: 'https://desk.internal', SHUTDOWN_GRACE_MS: '200' }),
    startReplica(fragile, { ...frozen, ...nothing }),
    startReplica(fragile, { ...frozen, PENDING_WRITES_MAX_ENTRIES: '3' }),
    startService({ standalone: true, env: { ...PATIENT, ENABLE_CACHE_STATS: 'false' } }),
    startService({
      standalone: true,
      env: {
        ...PATIENT,
        AUTH_TOKENS_FILE: tokens.path,
        AUTH_JWKS_URL: `http://127.0.0.1:${await freePort()}/`,
        AUTH_JWT_AUDIENCE: AUDIENCE,
        AUTH_JWT_ISSUER: ISSUER,
      },
    }),
    startService({
      env: {
        ...redisEnv(redis),
        ...PATIENT,
        OVERLOAD_LOOP_DELAY_MS: '200',
        NODE_OPTIONS: `--import=${new URL('defect.ts', import.meta.url)}`,
      },
    }),
  ]);
});

after(async () => {
  for (const each of [service, strict, keeping, standalone, guarded, defective]) await each?.stop('SIGKILL');
  await Promise.all([redis?.stop(), fragile?.stop()]);
  tokens?.remove();
});

test('redocly accepts docs/openapi.yaml without a warning', async () => {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['node_modules/@redocly/cli/bin/cli.js', 'lint', 'docs/openapi.yaml', '--format=json'],
    { cwd: ROOT, env },
  );
  const { totals, problems } = JSON.parse(stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1));
  assert.deepEqual(problems, []);
  assert.deepEqual(totals, { errors: 0, warnings: 0, ignored: 1 });
});

test('docs/openapi.yaml has the current version, and each example matches its schema', () => {
  assert.equal(contract.document.info.version, packageJson.version);
  const { faults, count } = contract.faultyExamples();
  assert.deepEqual(faults, []);
  assert.ok(count > 50, `${count} examples`);
});

test('docs/openapi.yaml has every code of errors.ts under its status, and no other', () => {
  const codes = Object.keys(ERRORS);
  assert.deepEqual([...contract.document.components.schemas.Code.enum].sort(), [...codes].sort());
  const told = new Set(
    [...contract.operations.keys()].flatMap((id) =>
      contract.outcomes(id).filter((outcome) => outcome.includes(' ')),
    ),
  );
  const expected = Object.entries(ERRORS)
    .filter(([code]) => !OF_NO_OPERATION.includes(code))
    .map(([code, [status]]) => `${status} ${code}`);
  assert.deepEqual([...told].sort(), expected.sort());
});

test('docs/openapi.yaml has every route of the service, and no other', async () => {
  const paths = Object.entries({ ...routes(NOTHING), ...opsRoutes(NOTHING, {} as Ops) }).flatMap(
    ([path, methods]) =>
      Object.keys(methods).map(
        (method) => `${method} ${path.replace(/\*$/, '{key}').replace(/:(\w+)$/, '{$1}')}`,
      ),
  );
  // A key without a slash and any other are two paths there, and one for everybody else.
  const registered = [...new Set(paths)];
  assert.deepEqual([...contract.operations.keys()].sort(), [...registered, 'GET /v1/ws'].sort());
  // The WebSocket is not among them; what else the port might serve would not answer so.
  for (const path of Object.keys(contract.document.paths)) {
    const taken = registered.filter((id) => id.endsWith(` ${path}`)).map((id) => id.split(' ')[0]);
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH']) {
      if (taken.includes(method) || taken.length === 0) continue;
      const refused = await sendRequest(standalone.port, `${method} ${path}`, { key: 'a' });
      assert.equal(refused.status, 405, `${method} ${path}`);
      assert.deepEqual(refused.headers.allow!.split(', ').sort(), [...taken, 'OPTIONS'].sort());
    }
  }
  assert.equal((await sendRequest(standalone.port, 'GET /v1/none')).status, 404);
});

test('the service answers as documented while Redis is healthy', async () => {
  await inOrder(service, WELL);
  await inOrder(standalone, STANDALONE);
  // There is room for the next when the service has noticed that the last one is gone.
  for (const exercise of [...UPGRADES, ...STREAMS])
    await until(() => provoke(service, exercise).then(() => true));
  const occupant = await connect(service.port);
  assert.equal((await sendRequestOn(occupant, 'GET /v1/ws', upgrade())).status, 101);
  await provoke(service, ['GET /v1/ws', '503 too_many_connections', upgrade()]);
  await provoke(service, ['GET /v1/events', '503 too_many_connections', plain('GET /v1/events')]);
  occupant.destroy();
});

test('any request with more than 4 KiB of headers is answered with 431', async () => {
  for (const id of contract.operations.keys()) {
    const sent = plain(id);
    await provoke(service, [
      id,
      '431',
      { ...sent, headers: { ...sent.headers, 'X-Long': 'x'.repeat(5000) } },
    ]);
  }
});

test('the service answers as documented when Redis allows no scans and no scripts', async () => {
  await fragile.cli('ACL', 'SETUSER', 'default', '-scan', '-eval', '-evalsha', '-hdel', '-hgetall');
  await inOrder(strict, FORBIDDEN);
  await provoke(keeping, ['POST /v1/warmup', '503 l2_rejected']);
  await fragile.cli('ACL', 'SETUSER', 'default', '+scan', '+eval', '+evalsha', '+hdel', '+hgetall');
  await Promise.all([reachesRedis(strict), reachesRedis(keeping)]);
});

test('the service answers as documented while Redis hangs, and after it is killed', async () => {
  await whileFrozen(fragile, async () => {
    await Promise.all([
      ...FROZEN.map((exercise) => provoke(strict, exercise)),
      ...FROZEN_KEEPING.map((exercise) => provoke(keeping, exercise)),
    ]);
    await fragile.signal('SIGKILL');
  });
  for (const each of [strict, keeping])
    await until(async () => (await sendRequest(each.port, 'GET /v1/keys')).body.includes('l2_unavailable'));
  await inOrder(strict, GONE);
  await inOrder(keeping, GONE_KEEPING);
});

test('a defect is answered with 500 on every route', async () => {
  for (const id of having('500 internal')) {
    // What is written is written, whatever the answer; and what deletes has deleted it.
    await sendRequest(defective.port, `PUT ${VALUE}`, plain(`PUT ${VALUE}`));
    // A busy machine is overload, for a while.
    await until(() => provoke(defective, [id, outcomeOf(id, '500 internal'), plain(id)]).then(() => true));
  }
});

test('a service with tokens answers as documented without a token, without the right, and without keys for JWTs', async () => {
  const { sign } = await issuer('unknown');
  const jwt = { Authorization: `Bearer ${await sign()}` };
  const bearerOf = (id: string) => ({
    Authorization: tokens.bearer(/^(GET|HEAD) (?!.*configuration)|mget$/.test(id) ? 'admin' : 'reader')
      .authorization,
  });
  const outcomes = [
    ['401 unauthenticated', () => ({})],
    ['403 forbidden', bearerOf],
    ['503 identity_unavailable', () => jwt],
  ] as const;
  for (const [outcome, headersOf] of outcomes)
    for (const id of having(outcome).filter((each) => each !== 'GET /v1/ws'))
      await provoke(guarded, [id, outcomeOf(id, outcome), withHeaders(plain(id), headersOf(id))]);
  const wrong = upgrade({ Authorization: 'Bearer rct_wrong' });
  await provoke(guarded, ['GET /v1/ws', '401 unauthenticated', wrong]);
  await provoke(guarded, ['GET /v1/ws', '503 identity_unavailable', upgrade(jwt)]);
});

test('a token beyond its limits is answered with 429 on every route', async () => {
  const headers = { Authorization: tokens.bearer('loud').authorization };
  const large = withHeaders({ ...plain(`PUT ${VALUE}`), body: JSON.stringify('x'.repeat(1000)) }, headers);
  await sendRequest(guarded.port, `PUT ${VALUE}`, large);
  for (const id of having('429 rate_limited'))
    await provoke(guarded, [id, outcomeOf(id, '429 rate_limited'), withHeaders(plain(id), headers)]);
});

test('an open service answers as documented to a page of another origin or host', async () => {
  const page = { Origin: 'https://evil.example' };
  for (const id of having('403 origin_refused').filter((each) => each !== 'GET /v1/ws'))
    await provoke(standalone, [id, outcomeOf(id, '403 origin_refused'), withHeaders(plain(id), page)]);
  for (const id of having('403 host_refused'))
    await provoke(standalone, [
      id,
      outcomeOf(id, '403 host_refused'),
      withHeaders(plain(id), { Host: 'evil.example' }),
    ]);
});

function withHeaders(sent: Sent, headers: Record<string, string>): Sent {
  return { ...sent, headers: { ...sent.headers, ...headers } };
}

test('overload is answered with 503 on every route, except for L1 hits', async () => {
  let left = having('503 overloaded').filter((id) => !PROBES.includes(id));
  await until(
    async () => {
      // What it missed makes its event loop late, for a while.
      defective.kill('SIGSTOP');
      await new Promise((resume) => setTimeout(resume, 600));
      defective.kill('SIGCONT');
      const refused = await Promise.all(left.map((id) => isRefused(id)));
      left = left.filter((_, i) => !refused[i]);
      return left.length === 0;
    },
    { timeoutMs: 120_000 },
  );
});

test('without an answer of the supervisor, metrics and statistics of two processes are 503', async () => {
  const two = await startService({ env: { ...redisEnv(redis), ...PATIENT, PROCESSES: '2' } });
  try {
    two.kill('SIGSTOP');
    for (const id of PROBES) await provoke(two, [id, outcomeOf(id, '503 overloaded')]);
  } finally {
    two.kill('SIGCONT');
    await two.stop();
  }
});

/** Whether the defective service answers it 503 within a moment, as documented. */
async function isRefused(id: string): Promise<boolean> {
  const sent = id.endsWith(VALUE) ? { ...plain(id), key: 'known:NONE' } : plain(id);
  const refused = async () => contract.check(id, sent, await sendRequest(defective.port, id, sent));
  const expected = outcomeOf(id, '503 overloaded');
  return until(async () => (await refused()) === expected, { timeoutMs: 200 }).catch(() => false);
}

test('a stopping service is not ready, and then refuses upgrades and event streams', async () => {
  // A connection each: after its grace period the service closes them with their next answer.
  const [client, reader, uploader, ...probes] = await Promise.all(
    [1, 2, 3, 4, 5].map(() => connect(service.port)),
  );
  // A request that is not over keeps it from ending.
  await uploader!.send(
    `PUT /v1/cache/last HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n1`,
  );
  service.kill('SIGTERM');
  await service.waitForLog(({ msg }) => msg === 'shutting down');
  for (const [i, id] of ['GET /readyz', 'HEAD /readyz'].entries())
    assert.equal(contract.check(id, {}, await sendRequestOn(probes[i]!, id)), '503');
  await until(async () => (await connect(service.port).catch(() => undefined)) === undefined);
  const refused = await sendRequestOn(client!, 'GET /v1/ws', upgrade());
  assert.equal(contract.check('GET /v1/ws', upgrade(), refused), '503 shutting_down');
  const stream = plain('GET /v1/events');
  const turned = await sendRequestOn(reader!, 'GET /v1/events', stream);
  assert.equal(contract.check('GET /v1/events', stream, turned), '503 shutting_down');
  await uploader!.send('2');
  assert.equal((await uploader!.readResponses(1))[0]!.status, 201);
  assert.deepEqual(await service.exited, { code: 0, signal: null });
});

test('the tests above have seen every documented answer, header, parameter and media type', () => {
  assert.deepEqual(contract.unseen(), []);
});

/** The operations that have this outcome; HEAD where GET has. */
function having(outcome: string): string[] {
  return [...contract.operations.keys()].filter((id) =>
    contract.outcomes(id.replace('HEAD ', 'GET ')).includes(outcome),
  );
}

/** HEAD has no body to tell the code. */
function outcomeOf(id: string, outcome: string): string {
  return id.startsWith('HEAD ') ? outcome.slice(0, 3) : outcome;
}

/** Asks, and wants the answer to be this one, as documented. */
async function provoke({ port }: Service, [id, outcome, sent = {}]: Exercise): Promise<void> {
  assert.equal(contract.check(id, sent, await sendRequest(port, id, sent)), outcome, id);
}

async function inOrder(on: Service, exercises: readonly Exercise[]): Promise<void> {
  for (const exercise of exercises) await provoke(on, exercise);
}
