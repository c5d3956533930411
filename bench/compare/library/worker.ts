/** The process of a library: keeps a number of operations under way, as a server with as many requests would. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { bentocache, fill, layeredLoader, type MakeTiered, ratecache } from '../../peers/tiered.ts';
import { itemsOf, MANY } from '../../support/data.ts';
import { type Operation, serveWork } from './serve-work.ts';

/** The default of LOCAL_CACHE_MAX_SIZE. There are many more keys, which are read in turn: each read misses L1. */
const L1_ENTRIES = 1000;
const TTL_MS = 86_400_000;

const port = Number(process.argv[2]);
const items = itemsOf(MANY);
const key = (i: number) => items[i % items.length]!.key;

const OPERATIONS: Readonly<Record<string, () => Promise<Operation>>> = {
  'ratecache load': () => reading(ratecache),
  'layered-loader get': () => reading(layeredLoader),
  'bentocache get': () => reading(bentocache),
  'ioredis GET': async () => {
    const redis = await filledRedis();
    return async (i) => present(await redis.getBuffer(key(i)));
  },
  'ioredis MGET': async () => {
    const read = mgetOfTurn(await filledRedis());
    return async (i) => present(await read(key(i)));
  },
  'ioredis SET': async () => {
    const redis = await filledRedis();
    return (i) => redis.set(key(i), items[i % items.length]!.value, 'PX', TTL_MS);
  },
};

serveWork(await OPERATIONS[process.argv[3]!]!());

async function reading(make: MakeTiered): Promise<Operation> {
  const cache = await make(L1_ENTRIES, port);
  await fill(cache, items);
  return async (i) => present(await cache.get(key(i)));
}

async function filledRedis(): Promise<Redis> {
  const redis = new Redis({ port, protocol: 2 });
  await once(redis, 'ready');
  await redis.mset(items.flatMap((item) => [item.key, item.value]));
  return redis;
}

/** Reads of one turn of the event loop go out as one MGET: the least that a cache over ioredis could do. */
function mgetOfTurn(redis: Redis): (key: string) => Promise<Buffer | null> {
  let waiting: { readonly key: string; readonly resolve: (value: Buffer | null) => void }[] = [];
  const send = async () => {
    const batch = waiting;
    waiting = [];
    const values = await redis.mgetBuffer(batch.map(({ key }) => key));
    for (const [i, { resolve }] of batch.entries()) resolve(values[i]!);
  };
  return (key) =>
    new Promise((resolve) => {
      if (waiting.length === 0) process.nextTick(send);
      waiting.push({ key, resolve });
    });
}

function present<T>(found: T | null | undefined): T {
  if (found === null || found === undefined) throw new Error('a key was not found');
  return found;
}
