import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { chosenProfiles, suitable } from '../../loadtest/choice.ts';
import { PROFILES } from '../../loadtest/profiles/index.ts';
import { asset } from '../../loadtest/report/assets.ts';
import type { RunResult } from '../../loadtest/result.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { UnsuitableError } from '../../loadtest/target/running.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { ownBuild } from '../../src/cli/version.ts';
import { tlsFile } from '../support/tls-files.ts';
import { tokensFile } from '../support/tokens.ts';

const KEYS = Array.from({ length: 50 }, (_, n) => `borrow_rate:S${n}`);
const BODY = '{"rate":0.05}';
const tokens = tokensFile({ reader: { scopes: ['read'] }, writer: { scopes: ['read', 'write'] } });

let dir: string;
let service: Service;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ratecache-running-test-'));
  service = await startService({ standalone: true, env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path } });
  for (const [name, token] of Object.entries(tokens.tokens)) await writeFile(join(dir, name), token);
});
after(async () => {
  await service?.stop();
  tokens.remove();
  await rm(dir, { recursive: true, force: true });
});

async function load(...args: readonly string[]) {
  const out = join(dir, createHash('sha256').update(args.join()).digest('hex').slice(0, 8));
  const run = await runMain(['load', ...args, '--out', out]);
  const text = await readFile(join(out, 'results.json'), 'utf8').catch(() => '[]');
  return { ...run, result: (JSON.parse(text) as RunResult[])[0] };
}

const token = (name: string) => ['--token-file', join(dir, name)];
const short = ['--seconds', '2.5', '--rate', '500', '--connections', '8'];

/** Asserts that every request was answered, with these statuses. Latencies depend on the machine. */
function answered(
  { result, stdout, stderr }: Awaited<ReturnType<typeof load>>,
  ...statuses: string[]
): RunResult {
  assert.ok(result, stdout + stderr);
  const { byStatus, errors, timeouts, completed, sent } = result.requests;
  assert.deepEqual([Object.keys(byStatus).sort(), errors + timeouts, completed], [statuses, 0, sent]);
  return result;
}

async function fill(): Promise<void> {
  for (const key of KEYS) {
    const headers = { ...tokens.bearer('writer'), 'content-type': 'application/json' };
    const { ok } = await service.fetch(`/v1/cache/${key}`, { method: 'PUT', headers, body: BODY });
    assert.ok(ok);
  }
}

async function values(): Promise<Set<string>> {
  const headers = tokens.bearer('reader');
  return new Set(
    await Promise.all(KEYS.map(async (key) => (await service.fetch(`/v1/cache/${key}`, { headers })).text())),
  );
}

test('a running service receives only reads of its own keys, and the token', async () => {
  await fill();
  const run = await load('smoke', '--url', service.url, ...token('reader'), ...short);
  const result = answered(run, '200');
  assert.match(run.stderr, /smoke: its writes are left out; use --writes to send them/);
  assert.equal(result.requests.hits, result.requests.sent);
  assert.equal(result.target, service.url);
  assert.deepEqual(result.service, { version: ownBuild().version });
  assert.deepEqual(await values(), new Set([BODY]));
  assert.ok(!JSON.stringify(result).includes(tokens.tokens.reader!), 'the result has the token');
});

test('with --writes a running service also receives the writes of the profile', async () => {
  await fill();
  answered(await load('smoke', '--writes', '--url', service.url, ...token('writer'), ...short), '200', '204');
  assert.ok((await values()).size > 1, 'no value was replaced');
});

test('a header is sent with each request, also over WebSocket', async () => {
  await fill();
  const header = ['--header', `Authorization: Bearer ${tokens.tokens.reader}`];
  const sockets = await profileFile({ name: 'sockets', over: 'websocket' });
  const { requests } = answered(await load(sockets, '--url', service.url, ...header), 'ok');
  assert.equal(requests.hits, requests.sent);
  answered(await load(await profileFile({ name: 'plain' }), '--url', service.url, ...header), '200');
});

test('a service with TLS is loaded over TLS, and its certificate is verified', async (t) => {
  const secure = await startService({
    standalone: true,
    env: { ...PATIENT, TLS_CERT_FILE: tlsFile('server'), TLS_KEY_FILE: tlsFile('server', 'key') },
  });
  t.after(() => secure.stop());
  const out = join(dir, 'secure');
  const args = ['load', await profileFile({ name: 'secure' }), '--url', `https://localhost:${secure.port}`];
  const distrusting = await runMain([...args, '--out', out]);
  assert.equal(distrusting.code, 2, 'an unknown authority was trusted');
  await runMain([...args, '--out', out], { NODE_EXTRA_CA_CERTS: tlsFile('authority') });
  const [result] = JSON.parse(await readFile(join(out, 'results.json'), 'utf8')) as RunResult[];
  assert.deepEqual(result!.requests.byStatus, { 404: 1250 });
});

test('an address that is neither loopback nor private is refused before anything is sent', async () => {
  const { code, stderr } = await load('smoke', '--url', 'http://203.0.113.9:8000');
  assert.equal(code, 2);
  assert.match(stderr, /203\.0\.113\.9 is neither a loopback nor a private address\. Use --yes-remote/);
});

test('a service that accepts no connection is named with the reason, before the ceiling is measured', async () => {
  const { code, stderr } = await load(await profileFile({ name: 'nobody' }), '--url', 'http://127.0.0.1:1');
  assert.equal(code, 2);
  assert.match(stderr, /cannot reach http:\/\/127\.0\.0\.1:1: connection refused/);
  assert.doesNotMatch(stderr, /measuring the ceiling|\.ts:\d+/);
});

test('a service that wants a token is reported with the statuses of its answers', async () => {
  const { code, stdout } = await load(await profileFile({ name: 'no-token' }), '--url', service.url);
  assert.equal(code, 1);
  assert.match(stdout, /error rate is 100 %, expected below 1 % \(fails at 5 %\); 401: 1,250/);
});

test('a profile that only writes, or that needs its own Redis, is refused', async () => {
  const writer = await profileFile({ name: 'writer', mix: [{ op: 'set', share: 1 }] });
  const [only, ...others] = await Promise.all(
    [writer, 'redis-down', 'push'].map((profile) => load(profile, '--url', service.url)),
  );
  assert.deepEqual([only!.code, ...others.map(({ code }) => code)], [2, 2, 2]);
  assert.match(only!.stderr, /writer only writes; use --writes/);
  for (const { stderr } of others) assert.match(stderr, /needs a service that the harness starts/);
});

test('an unsuitable profile is found before the first run', async () => {
  const { code, stdout, stderr, result } = await load(
    'smoke',
    'push',
    '--url',
    service.url,
    ...token('reader'),
  );
  assert.deepEqual([code, stdout, result], [2, '', undefined]);
  assert.match(stderr, /push needs a service that the harness starts/);
});

test('all leaves out the profiles that do not suit the service, and names them', async (t) => {
  await fill();
  const reports = t.mock.method(console, 'error', () => {});
  const running = {
    url: service.url,
    headers: [],
    token: tokens.tokens.reader!,
    writes: false,
    remote: false,
  };
  const profiles = await suitable(await chosenProfiles(['all']), true, running, '127.0.0.1');
  const lines = reports.mock.calls.map(({ arguments: [line] }) => String(line));
  const leftOut = lines.flatMap((line) => /^(\S+) is left out: /.exec(line)?.[1] ?? []);
  // The service has only keys of the type `borrow_rate`.
  assert.deepEqual(leftOut, ['quote', 'large-values', 'redis-down', 'websocket', 'push']);
  assert.deepEqual(
    profiles.map(({ name }) => name),
    PROFILES.map(({ name }) => name).filter((name) => !leftOut.includes(name)),
  );
  await assert.rejects(
    suitable(await chosenProfiles(['push']), false, running, '127.0.0.1'),
    UnsuitableError,
  );
  const wrong = { ...running, token: undefined };
  await assert.rejects(suitable(await chosenProfiles(['all']), true, wrong, '127.0.0.1'), /answered 401/);
});

test('flags without effect and invalid headers are command line errors: exit code 64', async () => {
  const stages = await profileFile({ name: 'stages', rate: [{ seconds: 1, from: 1, to: 9 }] });
  const runs = await Promise.all([
    load('smoke', '--writes'),
    load('smoke', '--url', service.url, '--header', 'no colon'),
    load(stages, '--rate', '5'),
    load('smoke', '--record', stages),
    load('smoke', '--schema'),
    runMain(['load', '--schema', '--rate', '5']),
  ]);
  assert.deepEqual(
    runs.map(({ code }) => code),
    [64, 64, 64, 64, 64, 64],
    runs.map(({ stderr }) => stderr).join(),
  );
});

test('--schema prints the schema that an editor reads', async () => {
  const { code, stdout } = await runMain(['load', '--schema']);
  assert.deepEqual([code, stdout], [0, asset('load-profile.schema.json')]);
  assert.equal(JSON.parse(stdout).$id, 'urn:ratecache:load-profile');
});

test('a profile recorded from an access log runs against a new service', async () => {
  const log = join(dir, 'access log.ndjson');
  const lines = Array.from({ length: 1500 }, (_, n) => ({
    time: 1_700_000_000_000 + n * 2,
    op: n % 10 === 0 ? 'set' : 'get',
    key: KEYS[n % KEYS.length],
    size: 40,
  }));
  await writeFile(log, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const recorded = await runMain(['load', '--record', log]);
  assert.equal(recorded.code, 0, recorded.stderr);
  assert.match(
    recorded.stderr,
    /is the rate that the service received, in keys\/s\. A batch is one line for each/,
  );
  await writeFile(`${log}.gz`, gzipSync(await readFile(log)));
  assert.equal((await runMain(['load', '--record', `${log}.gz`])).stdout, recorded.stdout);
  const file = join(dir, 'recorded.json');
  await writeFile(file, recorded.stdout);
  const { result, stdout, stderr } = await load(file);
  assert.equal(result?.profile, 'access-log', stdout + stderr);
  // A busy machine may answer some reads with a miss and some writes with 202.
  const { sent, completed, hits, byStatus } = result.requests;
  assert.ok(Math.abs(sent - 1500) < 15, `${sent} requests`);
  assert.deepEqual([completed, hits], [sent, byStatus['200']]);
});

/** Writes a profile file, and returns its path. By default it reads 50 keys 1,250 times. */
async function profileFile(profile: {
  readonly name: string;
  readonly [member: string]: unknown;
}): Promise<string> {
  const file = join(dir, `${profile.name}.json`);
  const usual = {
    connections: 4,
    warmupSeconds: 0.2,
    rate: [{ seconds: 2.5, perSecond: 500 }],
    keys: { list: KEYS },
    mix: [{ op: 'get', share: 1 }],
  };
  await writeFile(file, JSON.stringify({ ...usual, ...profile }));
  return file;
}
