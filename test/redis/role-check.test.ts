import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { connectOnce } from '../../src/redis/connect.ts';
import { RoleCheck } from '../../src/redis/role-check.ts';
import { addressOf } from '../support/redis-connection.ts';

/** A check of this server's role under a clock of the test's own. */
function checked(server: RedisServer, user: { username?: string; password?: string } = {}) {
  let now = 0;
  let opened = 0;
  let reconnects = 0;
  const address = addressOf(server, user);
  const check = new RoleCheck({
    open: () => {
      opened++;
      const redis = connectOnce(address, 'role');
      redis.once('end', () => ended++);
      return redis;
    },
    reconnect: () => reconnects++,
    now: () => now,
  });
  let ended = 0;
  return {
    /** Redis refuses a command at this time; resolves once the role is known, if it is asked for. */
    refusedAt: async (ms: number) => {
      now = ms;
      check.refused();
      await until(() => ended === opened);
      return { opened, reconnects };
    },
  };
}

test('while the address leads to a replica nothing is reconnected, and the questions come 5 s to 30 s apart', async (t) => {
  const server = await replica(t);
  const { refusedAt } = checked(server);
  const asked: number[] = [];
  let before = 0;
  for (let ms = 0; ms <= 120_000; ms += 250) {
    const { opened, reconnects } = await refusedAt(ms);
    assert.equal(reconnects, 0);
    if (opened > before) asked.push(ms);
    before = opened;
  }
  assert.deepEqual(asked, [0, 5000, 15_000, 35_000, 65_000, 95_000]);
});

test('once the address leads to a master everything is reconnected', async (t) => {
  const server = await replica(t);
  const { refusedAt } = checked(server);
  assert.deepEqual(await refusedAt(0), { opened: 1, reconnects: 0 });
  await server.cli('REPLICAOF', 'NO', 'ONE');
  assert.deepEqual(await refusedAt(1000), { opened: 1, reconnects: 0 });
  assert.deepEqual(await refusedAt(5000), { opened: 2, reconnects: 1 });
});

test('a user who may not ask for ROLE is told by INFO', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-role');
  const { refusedAt } = checked(server, { username: 'app', password: 'secret' });
  assert.deepEqual(await refusedAt(0), { opened: 1, reconnects: 1 });
});

test('a server that cannot be asked is taken for a replica', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { refusedAt } = checked(server);
  await server.signal('SIGKILL');
  assert.deepEqual(await refusedAt(0), { opened: 1, reconnects: 0 });
});

test('a refusal long after the last failover is asked about at once', async (t) => {
  const server = await replica(t);
  const { refusedAt } = checked(server);
  await refusedAt(0);
  await refusedAt(5000);
  assert.equal((await refusedAt(100_000)).opened, 3);
  assert.equal((await refusedAt(105_000)).opened, 4);
});

async function replica(t: TestContext): Promise<RedisServer> {
  const server = await startRedis();
  t.after(() => server.stop());
  await server.cli('REPLICAOF', '127.0.0.1', '1');
  return server;
}
