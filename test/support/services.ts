/** Real Redis servers and services in separate processes: for all tests of a file, or for one test. */
import { after, beforeEach, type TestContext } from 'node:test';
import { type RedisOptions, type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';

type Environment = Readonly<Record<string, string>>;

/**
 * Starts a Redis, and one replica for each environment, for all tests of a file. Before each test Redis is empty and
 * each replica is coherent. They stop after the last test.
 */
export async function replicasOfFile<Environments extends readonly Environment[]>(
  ...environments: Environments
): Promise<{ redis: RedisServer; replicas: { [index in keyof Environments]: Service } }> {
  const redis = await startRedis();
  const replicas = await Promise.all(environments.map((env) => startReplica(redis, env)));
  beforeEach(async () => {
    await redis.cli('FLUSHALL');
    await Promise.all(replicas.map(reachesRedis));
  });
  after(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await redis.stop();
  });
  return { redis, replicas: replicas as { [index in keyof Environments]: Service } };
}

/** A Redis for one test. */
export async function redisFor(t: TestContext, options?: RedisOptions): Promise<RedisServer> {
  const redis = await startRedis(options);
  t.after(() => redis.stop());
  return redis;
}

/** A coherent replica for one test. The test may end while it is frozen. */
export async function replicaFor(
  t: TestContext,
  redis: RedisServer,
  env: Environment = {},
): Promise<Service> {
  const service = await startReplica(redis, env);
  t.after(() => service.stop('SIGKILL'));
  return service;
}

/** A service without Redis for one test. */
export async function standaloneFor(t: TestContext, env: Environment = {}): Promise<Service> {
  const service = await startService({ standalone: true, env: { ...PATIENT, ...env } });
  t.after(() => service.stop());
  return service;
}
