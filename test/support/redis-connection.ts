import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Redis } from 'ioredis';
import { type RedisOptions, type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { connect, type RedisAddress } from '../../src/redis/connect.ts';

/** Where a Redis of this machine listens. */
export function addressOf(
  { port }: { readonly port: number },
  more: Partial<RedisAddress> = {},
): RedisAddress {
  const nobody = { username: undefined, password: undefined };
  return { host: '127.0.0.1', port, ...nobody, db: 0, connectTimeoutMs: 2000, ...more };
}

/** The service's own kind of connection to a test's Redis, up or not yet; it ends with the test. */
export function openConnection(
  t: TestContext,
  server: Pick<RedisServer, 'port'>,
  password?: string,
  db = 0,
): { redis: Redis; counters: Counters } {
  const counters = new Counters();
  const redis = connect(addressOf(server, { password, db }), 'test', counters);
  t.after(() => redis.disconnect());
  return { redis, counters };
}

/** A Redis of the test's own and a connection to it that is up; both end with the test. */
export async function startConnected(
  t: TestContext,
  options: RedisOptions = {},
): Promise<{ server: RedisServer; redis: Redis; counters: Counters }> {
  const server = await startRedis(options);
  const { redis, counters } = openConnection(t, server);
  // After the connection's end: ioredis takes two seconds to give up one that the server has ended.
  t.after(() => server.stop());
  await once(redis, 'ready');
  return { server, redis, counters };
}

/** Resolves at the connection's next end. `once` of node:events would reject at an error before it. */
export const closed = (redis: Redis) => nextEvent(redis, 'close');

/** Resolves when the connection is up the next time, whatever errors come before. */
export const up = (redis: Redis) => nextEvent(redis, 'ready');

function nextEvent(redis: Redis, name: 'close' | 'ready'): Promise<void> {
  return new Promise((resolve) => redis.once(name, resolve));
}
