import type { TestContext } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type ClusterOptions, type RedisCluster, startCluster } from '../../loadtest/target/cluster.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { clusterSlots } from '../../src/redis/cluster/slots.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';

export const slotOf = clusterSlots(PREFIX).of;

/** A cluster that ends with the test. */
export async function openCluster(t: TestContext, options: ClusterOptions = {}): Promise<RedisCluster> {
  const cluster = await startCluster(options);
  t.after(() => cluster.stop());
  return cluster;
}

/** A service on the cluster that is coherent with every master. It ends with the test. */
export async function openService(
  t: TestContext,
  cluster: RedisCluster,
  env: Record<string, string> = {},
): Promise<Service> {
  const service = await startService({
    env: { REDIS_CLUSTER_NODES: cluster.addresses, REDIS_PASSWORD: '', ...PATIENT, ...env },
  });
  t.after(() => service.stop('SIGKILL'));
  await reachesRedis(service);
  await becomesCoherent(service);
  return service;
}

export async function becomesCoherent(service: Service): Promise<void> {
  await until(async () => (await healthOf(service)).coherence === 'coherent', { timeoutMs: 60_000 });
}

export interface Health {
  readonly status: string;
  readonly reasons: readonly string[];
  readonly coherence: string;
  readonly redis: { readonly servers: readonly { server: string; coherence: string; connected: boolean }[] };
  readonly pending_writes: { readonly entries: number };
}

export async function healthOf(service: Service): Promise<Health> {
  return (await (await service.fetch('/health')).json()) as Health;
}

/** Returns `count` keys of each master, by its port. */
export async function keysByMaster(cluster: RedisCluster, count: number): Promise<Map<number, string[]>> {
  const masters = (await cluster.nodes()).filter(({ master }) => master);
  const found = new Map(masters.map(({ port }) => [port, [] as string[]]));
  for (let i = 0; [...found.values()].some((keys) => keys.length < count); i++) {
    const key = `min_rate:K${i}`;
    const slot = slotOf(key);
    const owner = masters.find(({ slots }) => slots.some(([first, last]) => first <= slot && slot <= last))!;
    const keys = found.get(owner.port)!;
    if (keys.length < count) keys.push(key);
  }
  return found;
}

export function portOf(server: RedisServer): number {
  return server.port;
}

/** The `Cache-Status` of a read. */
export async function statusOf(service: Service, key: string): Promise<string> {
  const answer = await service.fetch(`/v1/cache/${key}`);
  await answer.arrayBuffer();
  return answer.headers.get('cache-status') ?? '';
}
