/** Installations of the service, each with its own Redis, for one kind of fault each. */
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { put } from '../support/client.ts';
import { type Operated, startTwo } from '../support/processes.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** What ends it: a test, or a whole file. */
type Ends = Pick<TestContext, 'after'>;

export interface Installation {
  readonly redis: RedisServer;
  readonly services: readonly Service[];
}

/** Two services that only need to stay healthy. */
export async function startHealthy(t: Ends): Promise<Installation> {
  const redis = await redisServer(t, '--maxmemory', '64mb');
  return { redis, services: await Promise.all([replica(t, redis), replica(t, redis)]) };
}

/** To lose its Redis. It has room for ten pending writes. */
export async function startLonely(t: Ends): Promise<Installation> {
  const redis = await redisServer(t, '--maxmemory', '64mb');
  return { redis, services: [await replica(t, redis, { PENDING_WRITES_MAX_ENTRIES: '10' })] };
}

/** Its Redis has 8 MB and 10 connections, and it sheds requests when its event loop is late. */
export async function startSmall(t: Ends): Promise<Installation> {
  const redis = await redisServer(t, '--maxmemory', '8mb', '--maxclients', '10');
  return { redis, services: [await replica(t, redis, { OVERLOAD_LOOP_DELAY_MS: '200' })] };
}

/** Reaches Redis through a proxy, with a long time-out. */
export async function startProxied(t: Ends): Promise<Installation & { readonly proxy: TcpProxy }> {
  const redis = await redisServer(t, '--maxmemory', '64mb');
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const service = await replica(t, redis, {
    REDIS_PORT: String(proxy.port),
    // A silent connection is broken after 3 s, and then nothing times out.
    REDIS_COMMAND_TIMEOUT_MS: '2500',
    BREAKER_FAILURES: '2',
    HEARTBEAT_TIMEOUT_MS: '4000',
  });
  return { redis, proxy, services: [service] };
}

/** Two processes of one service, with a port of operators. */
export async function startPaired(t: Ends): Promise<Operated> {
  return startTwo(t, await redisServer(t, '--maxmemory', '64mb'));
}

/** Writes through the service until nine tenths of Redis's memory are used, in pieces that leave room for their way. */
export async function fill({ redis, services: [service] }: Installation): Promise<void> {
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.cli('INFO', 'memory'))![1]);
  const max = Number((await redis.cli('CONFIG', 'GET', 'maxmemory')).split('\n')[1]);
  for (let i = 0; (await used()) < 0.9 * max; i++) {
    const incompressible = JSON.stringify(randomBytes(100_000).toString('base64'));
    // On a busy machine it may be refused for overload.
    await until(async () => (await put(service!, `event_risk:${i}`, incompressible)).ok);
  }
}

async function redisServer(t: Ends, ...args: string[]): Promise<RedisServer> {
  const redis = await startRedis({ args });
  t.after(() => redis.stop());
  return redis;
}

async function replica(t: Ends, redis: RedisServer, env: Record<string, string> = {}): Promise<Service> {
  const service = await startReplica(redis, env);
  t.after(() => service.stop('SIGKILL'));
  return service;
}
