/**
 * ratecache as it is by default, over a Redis of its own; only that lifetimes are longer than a benchmark, and that a
 * busy machine, or a pause between two runs, neither times anything out nor has it refused.
 */
import { keyReadsOf } from '../../../loadtest/target/redis-reads.ts';
import { startRedis } from '../../../loadtest/target/redis-server.ts';
import { reachesRedis, startReplica } from '../../../loadtest/target/replicas.ts';
import type { Service } from '../../../loadtest/target/service.ts';
import { type Item, itemsOf, LARGE, LARGEST, MANY, MEDIUM, type Shape, SMALL } from '../../compare/data.ts';
import { CALLGRIND, callgrind } from '../callgrind.ts';
import { heapOfNext } from '../heap.ts';
import { cachePath, type Peer, type Running } from '../peer.ts';

const TTL_SECONDS = 86_400;
/** A machine that is busy with others does not make it lose its link. */
const ENV = { LOCAL_CACHE_TTL: String(TTL_SECONDS), HEARTBEAT_TIMEOUT_MS: '5000' };
/** Of one request to fill it. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_KEYS = 1000;

/** Has the service load its sources without what counts and times a hit. */
export const UNCOUNTED = { NODE_OPTIONS: `--import=${new URL('uncounted.ts', import.meta.url).href}` };

export interface RatecacheRunning extends Running {
  /** Keys that its Redis was asked for since it started. */
  redisReads(): Promise<number>;
}

/** Everything is in L1. */
const WARM = { shapes: [SMALL, MEDIUM, LARGE, LARGEST], env: { LOCAL_CACHE_MAX_SIZE: '4000' } };
/** L1 of the default size, and many more keys in Redis. */
const COLD = { shapes: [MANY], env: {} };

export const ratecache = instance('ratecache', 'ratecache', WARM);
export const ratecacheCold = instance('ratecache-cold', 'ratecache, cold L1', COLD);

/** The same, with a young generation of which half has so many MiB at most. */
export function ratecacheYoung(semiSpaceMib: number, title: string): Peer {
  const env = { ...COLD.env, NODE_OPTIONS: `--max-semi-space-size=${semiSpaceMib}` };
  return instance(`ratecache-young-${semiSpaceMib}`, title, { ...COLD, env });
}

/** The same without metrics. */
export const ratecacheBare = instance('ratecache-bare', 'ratecache, nothing counted', {
  ...WARM,
  env: { ...WARM.env, ...UNCOUNTED },
});

/** Those that tell what they allocate. */
export const ratecacheTelling = instance('ratecache', 'ratecache', { ...WARM, tells: true });
export const ratecacheColdTelling = instance('ratecache-cold', 'ratecache, cold L1', {
  ...COLD,
  tells: true,
});

/** Those whose instructions are counted: they take half a minute to start, and so hold only what is asked for. */
const COUNTING = { shapes: [SMALL], counts: true };
export const ratecacheCounting = instance('ratecache', 'ratecache', { ...COUNTING, env: {} });
export const ratecacheBareCounting = instance('ratecache-bare', 'ratecache, nothing counted', {
  ...COUNTING,
  env: UNCOUNTED,
});

interface Options {
  readonly shapes: readonly Shape[];
  readonly env: Readonly<Record<string, string>>;
  /** What it allocates. */
  readonly tells?: boolean;
  /** Its instructions. */
  readonly counts?: boolean;
}

function instance(name: string, title: string, { shapes, env, tells, counts }: Options): Peer {
  return {
    name,
    title,
    needs: ['redis-server', 'redis-cli', ...(counts ? CALLGRIND : [])],
    start: async (): Promise<RatecacheRunning> => {
      const heap = tells ? await heapOfNext() : undefined;
      const counter = counts ? await callgrind() : undefined;
      const redis = await startRedis();
      const all = { ...ENV, ...env, ...heap?.env };
      const service = await startReplica(redis, all, counter?.under).catch(async (error: unknown) => {
        await redis.stop();
        throw error;
      });
      const stop = async () => {
        await service.stop();
        await redis.stop();
        await counter?.remove();
      };
      try {
        for (const shape of shapes) await fill(service, itemsOf(shape));
      } catch (error) {
        await stop();
        throw error;
      }
      const fits = shapes.filter((shape) => shape !== MANY).map((shape) => itemsOf(shape));
      return {
        port: service.port,
        pids: [service.pid, redis.pid],
        ...(heap && { allocated: heap.allocated }),
        ...(counter && { instructionsOf: (act) => counter.during(service.pid, act) }),
        pathOf: cachePath,
        settle: async () => {
          await reachesRedis(service);
          for (const items of fits) await readAll(service, items);
        },
        redisReads: () => keyReadsOf(redis),
        stop,
      };
    },
  };
}

async function fill(service: Service, items: readonly Item[]): Promise<void> {
  for (const batch of batches(items)) {
    const entries = batch.map(({ key, value }) => `{"key":"${key}","value":${value},"ttl":${TTL_SECONDS}}`);
    await post(service, '/v1/mset', `{"entries":[${entries.join(',')}]}`, batch.length, /"status":"stored"/g);
  }
}

/** While it was stopped the link was silent, so L1 was dropped: this fills it again, from Redis. */
async function readAll(service: Service, items: readonly Item[]): Promise<void> {
  for (const batch of batches(items)) {
    const keys = JSON.stringify(batch.map(({ key }) => key));
    await post(service, '/v1/mget', `{"keys":${keys}}`, batch.length, /"status":"hit"/g);
  }
}

async function post(
  service: Service,
  path: string,
  body: string,
  count: number,
  each: RegExp,
): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await service.fetch(path, { method: 'POST', headers, body });
  const text = await response.text();
  const done = text.match(each)?.length ?? 0;
  if (done !== count)
    throw new Error(
      `ratecache: POST ${path} did ${done} of ${count}: ${response.status} ${text.slice(0, 300)}`,
    );
}

function* batches(items: readonly Item[]): Generator<readonly Item[]> {
  const size = Math.max(1, Math.min(BATCH_KEYS, Math.floor(BATCH_BYTES / items[0]!.value.length)));
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}
