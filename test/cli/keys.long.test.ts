/** `get`, `mget`, `set`, `del`, `ttl`, `keys`, `cleanup` and `flush` against a real service. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { freePort, type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Run, runMain } from '../../loadtest/target/run-main.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, post, put } from '../support/client.ts';
import { tokensFile } from '../support/tokens.ts';
import { healthOf } from './health.ts';

let redis: RedisServer;
let service: Service;

before(async () => {
  redis = await startRedis();
  service = await startReplica(redis);
});

after(async () => {
  await service?.stop();
  await redis?.stop();
});

/** Runs a subcommand against the service. */
function ask(...args: string[]): Promise<Run> {
  return runMain([args[0]!, '--url', service.url, ...args.slice(1)]);
}

/** Runs a subcommand with this standard input. */
function pipe(input: string, ...args: string[]): Promise<Run> {
  return runMain([args[0]!, '--url', service.url, ...args.slice(1)], {}, input);
}

function objects(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('set writes a value with a TTL, and get shows it with its version, age and origin', async () => {
  const made = await ask('set', 'borrow_rate:AAPL', '{"rate":0.25}', '--ttl', '90');
  assert.deepEqual([made.code, made.stderr], [0, '']);
  const [written] = objects(made.stdout);
  assert.equal(written!.status, 'created');
  const read = await ask('get', 'borrow_rate:AAPL');
  assert.equal(read.code, 0);
  const [item] = objects(read.stdout);
  assert.deepEqual([item!.key, item!.status, item!.value], ['borrow_rate:AAPL', 'hit', { rate: 0.25 }]);
  assert.equal(item!.version, written!.version);
  assert.equal(typeof item!.age, 'number');
  assert.match(item!.cache_status as string, /^ratecache-l/);
  const text = await ask('get', 'borrow_rate:AAPL', '--no-json');
  assert.match(
    text.stdout,
    new RegExp(`^\\{"rate":0.25\\}\nversion ${item!.version}, written \\d+ s ago; ratecache-l`),
  );
  const [left] = objects((await ask('ttl', 'borrow_rate:AAPL')).stdout);
  assert.ok((left!.ttl as number) > 0 && (left!.ttl as number) <= 90);
  assert.ok(!('value' in left!));
  assert.equal((await ask('set', 'borrow_rate:AAPL', '1', '--no-json')).stdout.split(',')[0], 'replaced');
});

test('a value keeps its exact text through standard input, get, mget and --raw', async () => {
  const value = '{"big":12345678901234567890,"zero":-0,"b":1,"2":1.10,"1":"\\u2028"}';
  assert.equal((await pipe(`${value}\n`, 'set', 'desk:exact')).code, 0);
  assert.equal((await ask('get', 'desk:exact', '--raw')).stdout, `${value}\n`);
  assert.ok((await ask('get', 'desk:exact')).stdout.endsWith(`"value":${value}}\n`));
  assert.ok((await ask('mget', 'desk:exact')).stdout.endsWith(`"value":${value}}\n`));
  const copied = await pipe((await ask('get', 'desk:exact', '--raw')).stdout, 'set', 'desk:copy', '-');
  assert.equal(copied.code, 0);
  assert.equal(await (await get(service, 'desk:copy')).text(), value);
});

test('keys with special characters name the same key as over HTTP', async () => {
  for (const key of ['a:b c', 'a:50%', 'a:x?ttl=1#y', 'a:é', 'a:/../b', '..', '-1']) {
    assert.equal((await ask('set', '--', key, '7')).code, 0, key);
    const answer = await service.fetch('/v1/mget', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ keys: [key] }),
    });
    const { results } = (await answer.json()) as { results: { status: string }[] };
    assert.equal(results[0]!.status, 'hit', key);
    assert.equal((await ask('get', '--raw', '--', key)).stdout, '7\n', key);
  }
});

test('control characters of a value do not reach the terminal as text', async () => {
  await put(service, 'desk:esc', '"\u009b31m\u202e"');
  const { stdout } = await ask('get', 'desk:esc', '--no-json');
  assert.ok(stdout.startsWith('"\\u{9b}31m\\u{202e}"\n'), stdout);
});

test('a miss has its own exit code, and an unreachable service another', async () => {
  const miss = await ask('get', 'borrow_rate:none');
  assert.equal(miss.code, 3);
  assert.equal(objects(miss.stdout)[0]!.status, 'miss');
  const raw = await ask('get', 'borrow_rate:none', '--raw');
  assert.deepEqual(raw, { code: 3, stdout: '', stderr: 'borrow_rate:none: no value\n' });
  await put(service, 'borrow_rate:some', '1');
  const several = await ask('mget', 'borrow_rate:some', 'borrow_rate:none');
  assert.equal(several.code, 3);
  assert.deepEqual(
    objects(several.stdout).map(({ key, status }) => [key, status]),
    [
      ['borrow_rate:some', 'hit'],
      ['borrow_rate:none', 'miss'],
    ],
  );
  assert.equal((await ask('mget', 'borrow_rate:some')).code, 0);
  assert.equal((await ask('ttl', 'borrow_rate:none')).code, 3);
  const url = `http://127.0.0.1:${await freePort()}`;
  for (const args of [
    ['get', 'a:1'],
    ['mget', 'a:1'],
    ['set', 'a:1', '1'],
    ['del', 'a:1'],
    ['ttl', 'a:1'],
    ['keys'],
    ['cleanup'],
    ['flush', '--yes'],
  ])
    assert.deepEqual(
      await runMain([...args, '--url', url]),
      { code: 2, stdout: '', stderr: `ratecache: cannot reach ${url}: connection refused\n` },
      args[0],
    );
});

test('a write whose condition does not hold changes nothing, and exits 5', async () => {
  const [first] = objects((await ask('set', 'desk:cas', '1', '--if-absent')).stdout);
  assert.equal(first!.status, 'created');
  const again = await ask('set', 'desk:cas', '2', '--if-absent');
  assert.equal(again.code, 5);
  assert.match(again.stderr, new RegExp(`the key has version ${first!.version}`));
  assert.equal((await ask('set', 'desk:cas', '3', '--if-version', first!.version as string)).code, 0);
  assert.equal((await ask('set', 'desk:cas', '4', '--if-version', first!.version as string)).code, 5);
  assert.equal((await ask('set', 'desk:absent', '5', '--if-exists')).code, 5);
  assert.equal(await (await get(service, 'desk:cas')).text(), '3');
  assert.equal((await ask('set', 'desk:cas', '6', '--if-version', 'latest')).code, 64);
  assert.equal((await ask('set', 'desk:cas', '6', '--if-absent', '--if-exists')).code, 64);
  assert.equal((await ask('set', 'desk:cas', '6', '--if-abset')).code, 64);
});

test('an invalid value or key is an error of the service with its code', async () => {
  const value = await ask('set', 'desk:bad', 'hello');
  assert.deepEqual([value.code, value.stdout], [1, '']);
  assert.match(value.stderr, /answered 400 value_invalid: /);
  const mixed = await ask('mget', 'desk:exact', 'x'.repeat(600), '--no-json');
  assert.equal(mixed.code, 1);
  assert.match(mixed.stderr, /key_invalid: /);
  const warned = await ask('set', 'borrowrate:AAPL', '1');
  assert.equal(warned.code, 0);
  assert.match(warned.stderr, /suspicious_key_type; nearest=borrow_rate/);
});

test('keys lists by pattern, type and limit, and its names feed mget and del', async () => {
  const entries = Array.from({ length: 1200 }, (_, i) => ({ key: `volatility:L${i}`, value: i }));
  for (const part of [entries.slice(0, 600), entries.slice(600)])
    assert.equal((await post(service, '/v1/mset', { entries: part })).status, 200);
  const all = objects((await ask('keys', 'volatility:L*')).stdout);
  assert.equal(new Set(all.map(({ key }) => key)).size, 1200);
  assert.equal(all[0]!.type, 'volatility');
  assert.equal(objects((await ask('keys', '--type', 'volatility', '--limit', '7')).stdout).length, 7);
  const names = all.map(({ key }) => key as string);
  const deleted = await pipe(`${names.join('\n')}\n`, 'del', '--no-json');
  assert.deepEqual([deleted.code, deleted.stdout], [0, '1200 deleted\n']);
  assert.equal((await ask('keys', 'volatility:L*')).stdout, '');
  assert.equal((await ask('keys', 'x', '--type', 'volatility')).code, 64);
});

test('flush asks first: without a terminal it needs --yes', async () => {
  await put(service, 'desk:flushed', '1');
  const asked = await ask('flush');
  assert.equal(asked.code, 64);
  assert.match(asked.stderr, /add --yes/);
  assert.equal((await get(service, 'desk:flushed')).status, 200);
  assert.equal((await ask('flush', '--tier', 'local', '--yes', '--no-json')).code, 0);
  assert.equal((await get(service, 'desk:flushed')).status, 200);
  const { code, stdout } = await ask('flush', '--yes');
  assert.equal(code, 0);
  assert.ok((objects(stdout)[0]!.flushed as { redis: number }).redis >= 1);
  assert.equal((await get(service, 'desk:flushed')).status, 404);
});

test('cleanup reports how many expired entries it removed', async (t) => {
  const alone = await startService({
    standalone: true,
    env: { ...PATIENT, LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS: '0' },
  });
  t.after(() => alone.stop());
  await put(alone, 'desk:short', '1', { query: '?ttl=0.001' });
  await until(async () => {
    const { stdout } = await runMain(['cleanup', '--url', alone.url]);
    return stdout === '{"removed":1}\n';
  });
  const text = await runMain(['cleanup', '--url', alone.url, '--no-json']);
  assert.equal(text.stdout, '0 expired entries removed from L1\n');
});

test('the token comes from RATECACHE_TOKEN or --token-file, and a missing one is reported', async (t) => {
  const tokens = tokensFile({ reader: { scopes: ['read'] } });
  t.after(() => tokens.remove());
  const guarded = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path },
  });
  t.after(() => guarded.stop());
  const without = await runMain(['get', 'a:1', '--url', guarded.url]);
  assert.equal(without.code, 1);
  assert.match(without.stderr, /401 unauthenticated/);
  const env = { RATECACHE_TOKEN: tokens.tokens.reader! };
  assert.equal((await runMain(['get', 'a:1', '--url', guarded.url], env)).code, 3);
  const forbidden = await runMain(['set', 'a:1', '1', '--url', guarded.url], env);
  assert.equal(forbidden.code, 1);
  assert.match(forbidden.stderr, /403 forbidden/);
});

test('while Redis is unreachable, a write is pending, and a read of an unknown key exits 4', async (t) => {
  const own = await startRedis();
  t.after(() => own.stop());
  const replica = await startReplica(own);
  t.after(() => replica.stop());
  const url = ['--url', replica.url];
  await own.signal('SIGKILL');
  await until(async () => !(await healthOf(replica)).redis.connected);
  const unknown = await runMain(['get', 'desk:x', ...url, '--no-json']);
  assert.equal(unknown.code, 4);
  assert.match(unknown.stderr, /unknown: L1 has no value and Redis did not answer/);
  assert.equal((await runMain(['mget', 'desk:x', ...url])).code, 4);
  const written = await runMain(['set', 'desk:x', '1', ...url, '--no-json']);
  assert.equal(written.code, 0);
  assert.match(written.stdout, /^(accepted|unknown), version .*when Redis is reachable/);
  assert.equal((await runMain(['del', 'desk:x', ...url, '--no-json'])).stdout.split('\n')[0], '0 deleted');
});
