import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { connectOnce } from '../../src/redis/connect.ts';
import { RoleCheck } from '../../src/redis/role-check.ts';
import { addressOf } from '../support/redis-connection.ts';

/** A role check of this server under a clock that the test moves. */
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
    /** Reports a refusal at this time. Resolves once the role is known, if a check starts. */
    refusedAt: async (ms: number) => {
      now = ms;
      check.refused();
      await until(() => ended === opened);
      return { opened, reconnects };
    },
  };
}

test('while the address leads to a replica, nothing reconnects, and checks are 5 s to 30 s apart', async (t) => {
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

test('once the address leads to a master, every connection reconnects', async (t) => {
  const server = await replica(t);
  const { refusedAt } = checked(server);
  assert.deepEqual(await refusedAt(0), { opened: 1, reconnects: 0 });
  await server.cli('REPLICAOF', 'NO', 'ONE');
  assert.deepEqual(await refusedAt(1000), { opened: 1, reconnects: 0 });
  assert.deepEqual(await refusedAt(5000), { opened: 2, reconnects: 1 });
});

test('if an ACL forbids ROLE, INFO is used', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-role');
  const { refusedAt } = checked(server, { username: 'app', password: 'secret' });
  assert.deepEqual(await refusedAt(0), { opened: 1, reconnects: 1 });
});

test('a server that cannot be checked counts as a replica', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { refusedAt } = checked(server);
  await server.signal('SIGKILL');
  assert.deepEqual(await refusedAt(0), { opened: 1, reconnects: 0 });
});

test('a refusal long after the last failover starts a check at once', async (t) => {
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
