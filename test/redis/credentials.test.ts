import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { connect } from '../../src/redis/connect.ts';
import { Credentials } from '../../src/redis/credentials.ts';
import { renewCredentials } from '../../src/redis/renew-credentials.ts';
import { up } from '../support/redis-connection.ts';

const SEVEN_HOURS_MS = 7 * 60 * 60 * 1000;

test('a password file is read at each access, without the line break at its end', async (t) => {
  const { credentials, write } = await passwordFile(t);
  for (const [text, password] of [
    ['one\n', 'one'],
    ['two\r\n', 'two'],
    [' three ', ' three '],
  ] as const) {
    await write(text);
    assert.equal(credentials.password, password);
  }
});

test('while the password file is missing or empty, the last password stays, and the fault is reported once', async (t) => {
  const { credentials, write, remove, faults } = await passwordFile(t);
  assert.equal(credentials.password, undefined);
  assert.equal(credentials.password, undefined);
  assert.equal(faults.length, 1);
  await write('one');
  assert.equal(credentials.password, 'one');
  await write('\n');
  assert.equal(credentials.password, 'one');
  assert.match(faults[1]!.message, /is empty/);
  await write('two');
  assert.equal(credentials.password, 'two');
  await remove();
  assert.equal(credentials.password, 'two');
  assert.equal(faults.length, 3);
});

test('without a file the password is that of the options, and an empty one is none', () => {
  const options = { username: 'app', file: undefined, onFault: () => assert.fail() };
  assert.equal(new Credentials({ ...options, password: 'one' }).password, 'one');
  assert.equal(new Credentials({ ...options, password: '' }).password, undefined);
});

test('a connection uses the password that the file has when it connects', async (t) => {
  const { redis, server, write } = await connectedWithFile(t);
  await server.cli('ACL', 'SETUSER', 'app', '>two', '<one');
  await write('two');
  const again = up(redis);
  await server.cli('CLIENT', 'KILL', 'USER', 'app');
  await again;
  assert.equal(await redis.call('ACL', ['WHOAMI']), 'app');
});

test('a changed password authenticates live connections, and leaves a young link alone', async (t) => {
  const { redis, link, server, write, credentials } = await connectedWithFile(t);
  const ids = [await redis.client('ID'), await link.client('ID')];
  let renewed = 0;
  const stop = renewCredentials({
    credentials,
    connections: () => [redis],
    link,
    onRenewed: () => renewed++,
    onRefused: assert.fail,
    everyMs: 5,
  });
  t.after(stop);
  const before = await authentications(server);
  await server.cli('ACL', 'SETUSER', 'app', '>two');
  await write('two');
  await until(() => renewed === 1);
  assert.equal(await authentications(server), before + 1);
  assert.deepEqual([await redis.client('ID'), await link.client('ID')], ids);
});

test('a changed password renews a link that is older than six hours', async (t) => {
  const { redis, link, server, write, credentials } = await connectedWithFile(t);
  let now = 0;
  const stop = renewCredentials({
    credentials,
    connections: () => [redis],
    link,
    onRenewed: () => {},
    onRefused: assert.fail,
    everyMs: 5,
    now: () => now,
  });
  t.after(stop);
  now = SEVEN_HOURS_MS;
  await server.cli('ACL', 'SETUSER', 'app', '>two');
  const again = up(link);
  await write('two');
  await again;
  assert.equal(redis.status, 'ready');
});

test('a password that Redis rejects is reported once, and live connections stay open', async (t) => {
  const { redis, link, server, write, credentials } = await connectedWithFile(t);
  const refused: Error[] = [];
  let renewed = 0;
  const stop = renewCredentials({
    credentials,
    connections: () => [redis],
    link,
    onRenewed: () => renewed++,
    onRefused: (error) => refused.push(error),
    everyMs: 5,
  });
  t.after(stop);
  const before = await authentications(server);
  await write('two');
  await until(async () => (await authentications(server)) >= before + 3);
  assert.equal(refused.length, 1);
  assert.equal(await redis.ping(), 'PONG');
  await server.cli('ACL', 'SETUSER', 'app', '>two');
  await until(() => renewed === 1);
});

async function passwordFile(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-password-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'password');
  const faults: Error[] = [];
  const credentials = new Credentials({
    username: 'app',
    password: undefined,
    file,
    onFault: (error) => faults.push(error),
  });
  return { credentials, faults, write: (text: string) => writeFile(file, text), remove: () => rm(file) };
}

/** Two connections of the user `app`, whose password is in a file. */
async function connectedWithFile(t: TestContext) {
  const server = await startRedis();
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>one', '~*', '&*', '+@all');
  const { credentials, write } = await passwordFile(t);
  await write('one');
  const address = {
    host: '127.0.0.1',
    port: server.port,
    username: credentials.username,
    get password() {
      return credentials.password;
    },
    db: 0,
    connectTimeoutMs: 2000,
  };
  const [redis, link] = ['data', 'link'].map((name) => connect(address, name, new Counters()));
  t.after(async () => {
    redis!.disconnect();
    link!.disconnect();
    await server.stop();
  });
  await Promise.all([once(redis!, 'ready'), once(link!, 'ready')]);
  return { server, credentials, write, redis: redis!, link: link! };
}

async function authentications(server: RedisServer): Promise<number> {
  return Number(/cmdstat_auth:calls=(\d+)/.exec(await server.cli('INFO', 'commandstats'))![1]);
}
