/**
 * ratecache with its defaults, over a Redis of its own. Only lifetimes are longer than a benchmark. A busy machine, or a
 * pause between two runs, makes no command time out.
 */
import { keyReadsOf } from '../../loadtest/target/redis-reads.ts';
import { reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { type Contender, cachePath, type Running } from '../compare/contender.ts';
import { type Item, itemsOf, MANY, MEDIUM, type Shape, SMALL } from '../support/data.ts';
import { CALLGRIND, type Callgrind, callgrind } from './callgrind.ts';
import { overRedis } from './over-redis.ts';
import { startSpanSink } from './span-sink.ts';

const TTL_SECONDS = 86_400;
const ENV = { LOCAL_CACHE_TTL: String(TTL_SECONDS), HEARTBEAT_TIMEOUT_MS: '5000' };
/** Of one request that fills it. */
const BATCH_KEYS = 1000;

/** Everything is in L1. */
const WARM = { LOCAL_CACHE_MAX_SIZE: '4000' };
/** Without the sweep, which would drop prepared parts of answers at another request in each run. */
const UNSWEPT = { LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS: '0' };

export const ratecache = contender('ratecache', 'ratecache', SMALL, WARM);
export const ratecache1k = contender('ratecache', 'ratecache', MEDIUM, WARM);
/** L1 has its default size, and Redis has many more keys. */
export const ratecacheCold = contender('ratecache-cold', 'ratecache, cold L1', MANY, {});
/** Clients read these values. They are in L1 after `settle`. */
export const ratecacheOf = (shape: Shape): Contender =>
  contender('ratecache', 'ratecache', shape, { LOCAL_CACHE_MAX_SIZE: String(2 * shape.count) });
/** These count their instructions. */
export const ratecacheCounting = counting(ratecache, SMALL, WARM);
export const ratecacheColdCounting = counting(ratecacheCold, MANY, {});

/** It traces one request in a hundred, and a collector on this machine receives the spans. */
export const ratecacheTracing: Contender = {
  ...ratecache,
  name: 'ratecache-traced',
  title: 'ratecache, 1 % traced',
  start: () => startTracing(),
};
/** Counts its instructions. */
export const ratecacheTracingCounting: Contender = {
  ...ratecacheTracing,
  needs: ratecacheCounting.needs,
  start: async () => startTracing(await callgrind()),
};

async function startTracing(counter?: Callgrind): Promise<Running> {
  const sink = await startSpanSink();
  const sampled = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' };
  const running = await start(SMALL, { ...WARM, ...(counter && UNSWEPT), ...sink.env, ...sampled }, counter);
  return {
    ...running,
    stop: async () => {
      const { batches } = sink;
      await running.stop();
      await sink.stop();
      if (batches === 0) throw new Error('no spans were sent');
    },
  };
}

function contender(name: string, title: string, shape: Shape, env: Record<string, string>): Contender {
  return { name, title, needs: ['redis-server', 'redis-cli'], start: () => start(shape, env) };
}

function counting(contender: Contender, shape: Shape, env: Record<string, string>): Contender {
  return {
    ...contender,
    needs: [...contender.needs, ...CALLGRIND],
    start: async () => start(shape, { ...env, ...UNSWEPT }, await callgrind()),
  };
}

function start(shape: Shape, env: Record<string, string>, counter?: Callgrind): Promise<Running> {
  const items = itemsOf(shape);
  return overRedis(async (redis) => {
    const service = await startReplica(redis, { ...ENV, ...env }, counter?.under);
    await fill(service, items);
    return {
      port: service.port,
      pids: [service.pid],
      pathOf: cachePath,
      settle: async () => {
        await reachesRedis(service);
        if (shape !== MANY) await readAll(service, items);
      },
      redisReads: () => keyReadsOf(redis),
      ...(counter && { instructionsOf: (act) => counter.causedBy(service.pid, act) }),
      stop: async () => {
        await service.stop();
        await counter?.remove();
      },
    };
  });
}

async function fill(service: Service, items: readonly Item[]): Promise<void> {
  for (const batch of batches(items)) {
    const entries = batch.map(({ key, value }) => `{"key":"${key}","value":${value},"ttl":${TTL_SECONDS}}`);
    await post(service, '/v1/mset', `{"entries":[${entries.join(',')}]}`);
  }
}

/** While the service was paused its link was silent, so it dropped L1. This fills L1 again, from Redis. */
async function readAll(service: Service, items: readonly Item[]): Promise<void> {
  for (const batch of batches(items))
    await post(service, '/v1/mget', JSON.stringify({ keys: batch.map(({ key }) => key) }));
}

async function post(service: Service, path: string, body: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await service.fetch(path, { method: 'POST', headers, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`POST ${path}: ${response.status} ${text.slice(0, 300)}`);
}

function* batches(items: readonly Item[]): Generator<readonly Item[]> {
  for (let i = 0; i < items.length; i += BATCH_KEYS) yield items.slice(i, i + BATCH_KEYS);
}
