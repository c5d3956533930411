import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type Alertmanager, startAlertmanager } from './alertmanager.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';

/**
 * Four installations of the service, each a namespace of one Prometheus: one to stay healthy, the others for one kind
 * of fault each, so that all faults can go on at once.
 */
export type Lab = {
  readonly prometheus: Prometheus;
  readonly alertmanager: Alertmanager;
  readonly healthy: { readonly redis: RedisServer; readonly services: readonly Service[] };
  /** To lose its Redis. It has room for ten pending writes. */
  readonly gone: { readonly redis: RedisServer; readonly service: Service };
  /** Its Redis takes 8 MB and 10 connections, and it sheds requests when its event loop is late. */
  readonly full: { readonly redis: RedisServer; readonly service: Service };
  /** Through a proxy, with a Redis that is given a second to answer. */
  readonly slow: { readonly proxy: TcpProxy; readonly service: Service };
  stop(): Promise<void>;
};

export async function startLab(): Promise<Lab> {
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    await Promise.allSettled(ends.map((end) => end()));
  };
  const ended = <T>(thing: T, end: (thing: T) => Promise<unknown>): T => {
    ends.push(() => end(thing));
    return thing;
  };
  const redisServer = async (...args: string[]) => ended(await startRedis({ args }), (redis) => redis.stop());
  const killed = (service: Service) => ended(service, () => service.stop('SIGKILL'));

  const startHealthy = async () => {
    const redis = await redisServer('--maxmemory', '64mb');
    const services = await Promise.all([startReplica(redis), startReplica(redis)]);
    return { redis, services: services.map(killed) };
  };
  const startGone = async () => {
    const redis = await redisServer('--maxmemory', '64mb');
    return { redis, service: killed(await startReplica(redis, { PENDING_WRITES_MAX_ENTRIES: '10' })) };
  };
  const startFull = async () => {
    const redis = await redisServer('--maxmemory', '8mb', '--maxclients', '10');
    return { redis, service: killed(await startReplica(redis, { OVERLOAD_LOOP_DELAY_MS: '200' })) };
  };
  const startSlow = async () => {
    const redis = await redisServer('--maxmemory', '64mb');
    const proxy = ended(await startTcpProxy(redis), (it) => it.close());
    const env = {
      ...redisEnv(redis),
      ...PATIENT,
      REDIS_PORT: String(proxy.port),
      REDIS_COMMAND_TIMEOUT_MS: '1000',
      // A silent connection is given up after 3 s, and what is not connected does not time out.
      BREAKER_FAILURES: '2',
    };
    const service = killed(await startService({ env }));
    await reachesRedis(service);
    return { proxy, service };
  };

  try {
    const [healthy, gone, full, slow, alertmanager] = await Promise.all([
      startHealthy(),
      startGone(),
      startFull(),
      startSlow(),
      startAlertmanager().then((it) => ended(it, () => it.stop())),
    ]);
    const services = {
      healthy: healthy.services,
      gone: [gone.service],
      full: [full.service],
      slow: [slow.service],
    };
    const targets = Object.entries(services).flatMap(([namespace, them]) =>
      them.map(({ port }) => ({ namespace, port })),
    );
    const prometheus = ended(await startPrometheus(targets, alertmanager.url), (it) => it.stop());
    return { prometheus, alertmanager, healthy, gone, full, slow, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
