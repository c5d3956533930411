import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { program } from '../../loadtest/target/program.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';

/** The size of the buffer for unread log lines, less two lines. */
const MOST_WAITING_BYTES = 1024 * 1024 - 8192;

/** Each variable logs one line at the start. Together the lines exceed the pipe and the buffer. */
const MUCH_TO_LOG = Object.fromEntries(
  Array.from({ length: 300 }, (_, i) => [`REDIS_${i}_${'X'.repeat(4000)}`, '']),
);

test('a service whose log is on a full disk starts, serves and stops', async (t) => {
  const { url, child } = await unlogged(t, { under: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'] });
  await serves(url);
  await stops(child);
});

test('an unread log neither blocks nor stops the service, and logging resumes when the log is read', async (t) => {
  const { url, child } = await unlogged(t, { env: MUCH_TO_LOG });
  await fillLog(url, child);
  await serves(url);
  let text = '';
  child.stdout!.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.length > MOST_WAITING_BYTES && text.endsWith('\n'));
  const lines = text.length;
  child.kill('SIGHUP');
  await until(() => text.length > lines && text.endsWith('\n'));
  for (const line of text.trimEnd().split('\n')) assert.match(JSON.parse(line).msg, /./);
  await stops(child);
});

test('the service keeps running after the reader of its log exits, and counts dropped lines', async (t) => {
  const { url, child } = await unlogged(t);
  await serves(url);
  child.stdout!.destroy();
  child.kill('SIGHUP');
  await until(async () => (await dropped(url)) > 0);
  await serves(url);
  await stops(child);
});

test('a service with an unread log stops within seconds', async (t) => {
  const { url, child } = await unlogged(t, { env: MUCH_TO_LOG });
  await fillLog(url, child);
  await stops(child);
});

test('SIGHUP without a change of the configuration is logged and changes nothing', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  service.kill('SIGHUP');
  const { level, changed } = await service.waitForLog(
    ({ msg }) => msg === 'SIGHUP: the configuration was read again',
  );
  assert.equal(level, 'info');
  assert.deepEqual(changed, []);
  assert.equal((await service.fetch('/livez')).status, 200);
  const { code } = await service.stop();
  assert.equal(code, 0);
  assert.equal(service.logs.at(-1)!.msg, 'stopped');
});

/** A standalone service whose standard output is an unread pipe, started by the command `under` if set. */
async function unlogged(
  t: TestContext,
  { under = [], env: more = {} }: { under?: readonly string[]; env?: Record<string, string> } = {},
) {
  const port = await freePort();
  const invocation = program('serve', '--standalone', '--port', String(port));
  const [command, ...args] = [...under, invocation.command, ...invocation.args] as [string, ...string[]];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...PATIENT, ...more };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  tether(child);
  t.after(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/livez`)).ok, { timeoutMs: 60_000 });
  return { url, child };
}

/** Makes the service log until lines are dropped. */
async function fillLog(url: string, child: ChildProcess): Promise<void> {
  await until(
    async () => {
      // Each signal is a line.
      for (let i = 0; i < 100; i++) child.kill('SIGHUP');
      return (await dropped(url)) > 0;
    },
    { timeoutMs: 120_000, everyMs: 1 },
  );
}

async function serves(url: string): Promise<void> {
  const path = `${url}/v1/cache/log:A`;
  const headers = { 'content-type': 'application/json' };
  assert.ok((await fetch(path, { method: 'PUT', headers, body: '1' })).ok);
  assert.equal(await (await fetch(path)).text(), '1');
}

async function dropped(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^ratecache_log_lines_dropped_total (\d+)$/m.exec(text)![1]);
}

async function stops(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
}
