import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { until } from '../../../loadtest/support/until.ts';
import { startRedis } from '../../../loadtest/target/redis-server.ts';

test('a started server answers, on its own port and by its own pid', async (t) => {
  const [one, two] = await Promise.all([startRedis(), startRedis()]);
  t.after(() => Promise.all([one.stop(), two.stop()]));

  assert.equal(await one.cli('SET', 'a b', 'x'), 'OK');
  assert.equal(await one.cli('GET', 'a b'), 'x');
  assert.equal(await two.cli('EXISTS', 'a b'), '0');
  assert.match(await two.cli('INFO', 'server'), new RegExp(`process_id:${two.pid}\\b`));
});

test('an error that Redis answers rejects', async (t) => {
  const redis = await startRedis({ args: ['--maxmemory', '64mb'] });
  t.after(() => redis.stop());
  await assert.rejects(redis.cli('SET', 'only-a-key'), /wrong number of arguments/);
});

test('a server with a password takes it from its own cli and refuses others', async (t) => {
  const redis = await startRedis({ password: 'secret' });
  t.after(() => redis.stop());
  assert.equal(await redis.cli('PING'), 'PONG');
  const stranger = connect(redis.port, '127.0.0.1').setEncoding('utf8');
  stranger.end('PING\r\n');
  assert.match((await once(stranger, 'data'))[0], /^-NOAUTH/);
});

test('a restarted server is empty, on the same port, also after it crashed', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { port, pid } = redis;
  await redis.cli('SET', 'a', '1');
  await redis.signal('SIGKILL');
  await assert.rejects(redis.cli('PING'));
  await redis.restart();
  assert.equal(redis.port, port);
  assert.notEqual(redis.pid, pid);
  assert.equal(await redis.cli('DBSIZE'), '0');
});

test('a paused server hangs until it is resumed, and can be ended while it hangs', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  await redis.signal('SIGSTOP');
  let answered = false;
  const ping = redis.cli('PING').then(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(answered, false);
  await redis.signal('SIGCONT');
  await ping;
  await redis.signal('SIGSTOP');
  await redis.stop();
});

test('a port in use is reported', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  await assert.rejects(
    startRedis({ port: redis.port }),
    /did not start on port \d+:[\s\S]*Address already in use/,
  );
});

test('a server does not outlive the process that started it, even one that was killed', async () => {
  const script = `
    const { startRedis } = await import(${JSON.stringify(import.meta.resolve('../../../loadtest/target/redis-server.ts'))});
    console.log((await startRedis()).port);
  `;
  const starter = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = Number((await once(starter.stdout, 'data'))[0]);
  assert.equal(await isListening(port), true);
  starter.kill('SIGKILL');
  await until(async () => !(await isListening(port)));
});

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
