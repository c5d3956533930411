import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { program } from '../../loadtest/target/program.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';
import { del, put } from '../support/client.ts';
import { tokensFile } from '../support/tokens.ts';

/** Starts `watch`, and waits until it watches. */
async function watching(t: TestContext, args: string[], env: Record<string, string> = {}) {
  const invocation = program('watch', ...args);
  const child = spawn(invocation.command, invocation.args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  tether(child);
  const seen = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    seen.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    seen.err += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  await until(() => seen.err.includes('watching'));
  return {
    seen,
    ended,
    changes: () =>
      seen.out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    stopReading: () => child.stdout.destroy(),
  };
}

test('watch prints each change of a matching key with its reason, version, age, old and new value', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop());
  await put(service, 'borrow_rate:A', '{"rate":1}');
  const { changes, ended } = await watching(t, ['borrow_rate:?', '--url', service.url, '--count', '4']);
  await put(service, 'borrow_rate:AA', '9');
  await put(service, 'volatility:A', '9');
  const written = await put(service, 'borrow_rate:A', '{"rate":2}');
  await until(() => changes().length === 1);
  await put(service, 'borrow_rate:B', '3');
  await until(() => changes().length === 2);
  await del(service, 'borrow_rate:A');
  await until(() => changes().length === 3);
  await redis.cli('SET', 'borrow_rate_engine:borrow_rate:B', '{"value":4,"timestamp":1,"source":"x"}');
  assert.equal(await ended, 0, 'the command ends after four changes');
  const [first, second, third, fourth] = changes();
  assert.equal(first!.version, written.headers.get('etag')!.replaceAll('"', ''));
  assert.equal(typeof first!.age, 'number');
  assert.ok(!Number.isNaN(Date.parse(first!.time as string)));
  const told = (change: Record<string, unknown> | undefined) => [
    change!.key,
    change!.reason,
    change!.old,
    change!.new,
  ];
  assert.deepEqual(told(first), ['borrow_rate:A', 'set', { rate: 1 }, { rate: 2 }]);
  assert.deepEqual(told(second), ['borrow_rate:B', 'set', undefined, 3]);
  assert.deepEqual(told(third), ['borrow_rate:A', 'delete', { rate: 2 }, undefined]);
  assert.equal(fourth!.key, 'borrow_rate:B');
});

test('watch by a single key, by every type and as text shows the same change', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const runs = await Promise.all([
    watching(t, ['desk:1', '--url', service.url, '--count', '1']),
    watching(t, ['*:1', '--url', service.url, '--count', '1']),
    watching(t, ['desk:*', '--url', service.url, '--count', '1', '--no-json']),
  ]);
  await put(service, 'desk:1', '"\u009b"');
  assert.deepEqual(await Promise.all(runs.map(({ ended }) => ended)), [0, 0, 0]);
  assert.deepEqual(runs[0]!.changes()[0]!.new, '\u009b');
  assert.deepEqual(runs[1]!.changes()[0]!.key, 'desk:1');
  const [head, values] = runs[2]!.seen.out.split('\n');
  assert.match(head!, /^\d\d:\d\d:\d\d\.\d{3} {2}desk:1 {2}set {2}\d+ ms old {2}[0-9a-f]{24}$/);
  assert.equal(values!.trim(), '(no value) → "\\u{9b}"', 'no control character reaches the terminal');
});

test('watch continues after a restart of the service, and reports the lost connection', async (t) => {
  const port = String(await freePort());
  const env = { ...PATIENT, PORT: port };
  const first = await startService({ standalone: true, env });
  t.after(() => first.stop());
  const { seen, changes, ended } = await watching(t, ['desk:*', '--url', first.url, '--count', '1']);
  await first.stop();
  await until(() => seen.err.includes('connection down'));
  const second = await startService({ standalone: true, env });
  t.after(() => second.stop());
  await put(second, 'desk:1', '1');
  assert.equal(await ended, 0);
  assert.equal(changes()[0]!.new, 1);
});

test('watch ends quietly when the reader of its output is gone', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const { seen, ended, stopReading } = await watching(t, ['desk:*', '--url', service.url]);
  stopReading();
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await until(async () => {
    await put(service, 'desk:1', '1');
    return over;
  });
  assert.equal(await ended, 0);
  assert.doesNotMatch(seen.err, /EPIPE/);
});

test('watch reports a service that is unreachable, and keys that the token does not allow', async (t) => {
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  const nobody = await runMain(['watch', 'a:*', '--url', nowhere, '--timeout', '2000']);
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /^ratecache: http\S+: disconnected: .*ECONNREFUSED/);
  const tokens = tokensFile({ some: { scopes: ['read'], prefixes: ['desk:'] } });
  t.after(() => tokens.remove());
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path },
  });
  t.after(() => service.stop());
  const env = { RATECACHE_TOKEN: tokens.tokens.some! };
  const forbidden = await runMain(['watch', 'borrow_rate:*', '--url', service.url], env);
  assert.equal(forbidden.code, 1);
  assert.match(forbidden.stderr, /forbidden/);
  await watching(t, ['desk:*', '--url', service.url], env);
});
