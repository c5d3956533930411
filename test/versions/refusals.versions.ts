import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { refusal } from '../../src/redis/refusal.ts';
import { startConnected } from '../support/redis-connection.ts';

// Uses the first redis-server in PATH; EXPECTED_SERVER is its expected name and version, such as `redis 8.`.

const CALLED = "return redis.call('SET', KEYS[1], ARGV[1])";
const RETURNED = `
local reply = redis.pcall('SET', KEYS[1], ARGV[1])
return type(reply) == 'table' and reply.err or 'made'
`;

interface Case {
  readonly kind: string;
  readonly begin: (redis: Redis) => Promise<unknown>;
  readonly end: (redis: Redis) => Promise<unknown>;
}

const CASES: readonly Case[] = [
  {
    kind: 'oom',
    begin: (redis) => redis.config('SET', 'maxmemory', '1'),
    end: (redis) => redis.config('SET', 'maxmemory', '0'),
  },
  {
    kind: 'noreplicas',
    begin: (redis) => redis.config('SET', 'min-replicas-to-write', '1'),
    end: (redis) => redis.config('SET', 'min-replicas-to-write', '0'),
  },
  {
    kind: 'readonly',
    begin: (redis) => redis.replicaof('127.0.0.1', 1),
    end: (redis) => redis.replicaof('NO', 'ONE'),
  },
  {
    kind: 'masterdown',
    begin: async (redis) => {
      await redis.replicaof('127.0.0.1', 1);
      await redis.config('SET', 'replica-serve-stale-data', 'no');
    },
    end: async (redis) => {
      await redis.replicaof('NO', 'ONE');
      await redis.config('SET', 'replica-serve-stale-data', 'yes');
    },
  },
  {
    kind: 'noperm',
    begin: (redis) => redis.acl('SETUSER', 'default', '-set'),
    end: (redis) => redis.acl('SETUSER', 'default', '+set'),
  },
  {
    kind: 'noperm',
    begin: (redis) => redis.acl('SETUSER', 'default', 'resetkeys', '~other'),
    end: (redis) => redis.acl('SETUSER', 'default', '~*'),
  },
  {
    kind: 'misconf',
    begin: async (redis) => {
      const [, dir] = (await redis.config('GET', 'dir')) as string[];
      await redis.config('SET', 'save', '1 1');
      await rm(dir!, { recursive: true });
      await redis.bgsave();
      await until(async () => (await redis.info('persistence')).includes('rdb_last_bgsave_status:err'));
    },
    end: (redis) => redis.config('SET', 'save', ''),
  },
];

test('the redis-server under test has the expected version', async (t) => {
  const { redis } = await startConnected(t);
  const info = await redis.info('server');
  // Valkey also reports the version of Redis with which it is compatible.
  const [, name, version] = /^(valkey)_version:(\S+)/m.exec(info) ?? /^(redis)_version:(\S+)/m.exec(info)!;
  const expected = process.env.EXPECTED_SERVER;
  assert.ok(expected, 'set EXPECTED_SERVER, as make test-versions does');
  assert.ok(`${name} ${version}`.startsWith(expected), `${name} ${version}`);
});

test('temporary refusals of a script by this version are recognised', async (t) => {
  const { redis } = await startConnected(t);
  for (const { kind, begin, end } of CASES) {
    await begin(redis);
    const called = await errorOf(redis.eval(CALLED, 1, 'k', 'v'));
    assert.equal(refusal(called).kind, kind, called);
    const returned = await redis.eval(RETURNED, 1, 'k', 'v').catch((error: Error) => error.message);
    assert.equal(refusal(String(returned)).kind, kind, String(returned));
    await end(redis);
    await redis.eval(CALLED, 1, 'k', 'v');
  }
});

async function errorOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    (reply) => assert.fail(`replied ${reply}`),
    (cause: Error) => cause,
  );
  return error.message;
}
