/** The ways in which a program of Node reads a rate. All but one return the value as an object. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Pool, request } from 'undici';
import { WebSocket } from 'ws';
import { until } from '../../loadtest/support/until.ts';
import { connect, type Result } from '../../src/client/node.ts';
import type { Way } from './work.ts';

/** Ports on this machine. */
export interface Ports {
  readonly service: number;
  /** Of a Redis that has the same keys and values as JSON text, without the service. */
  readonly redis: number;
}

export type Open = (ports: Ports, keys: readonly string[]) => Promise<Way>;

/** Keys of one request that fills a near cache. */
const BATCH_KEYS = 1000;
const FILL_TIMEOUT_MS = 60_000;
/** Longer than the defaults, because a busy machine delays heartbeats and answers. A read costs the same. */
const PATIENT = { maxSilenceMs: 60_000, timeoutMs: 30_000, connectTimeoutMs: 30_000 };
/** Connections of the HTTP pool: one for each read under way. */
const CONNECTIONS = 64;

export const WAYS: Readonly<Record<string, Open>> = {
  'near cache, peek': async (ports, keys) => {
    const client = await withNearCache(ports, keys);
    return { peek: (key) => client.peek(key), isLocal: true, close: () => client.close() };
  },
  'near cache, get': async (ports, keys) => {
    const client = await withNearCache(ports, keys);
    return {
      read: (key) => client.get(key),
      isFound: (result) => (result as Result).tier === 'near-cache',
      isLocal: true,
      close: () => client.close(),
    };
  },
  'node-redis, client-side cache': (ports, keys) => nodeRedis(ports, keys, JSON.parse),
  'node-redis, client-side cache, unparsed': (ports, keys) => nodeRedis(ports, keys, (text) => text),
  ioredis: async ({ redis: port }) => {
    const redis = new Redis({ port, protocol: 2 });
    await once(redis, 'ready');
    return {
      read: async (key) => JSON.parse((await redis.get(key))!),
      close: async () => redis.disconnect(),
    };
  },
  ws: byHand,
  'client over WebSocket': async ({ service }) => {
    const client = await connect(`ws://127.0.0.1:${service}`, PATIENT);
    return { read: (key) => client.get(key), isFound: isHit, close: () => client.close() };
  },
  undici: async ({ service }) => {
    const dispatcher = new Pool(`http://127.0.0.1:${service}`, { connections: CONNECTIONS });
    return {
      read: async (key) => {
        const { body } = await request(`http://127.0.0.1:${service}/v1/cache/${key}`, { dispatcher });
        return body.json();
      },
      close: () => dispatcher.close(),
    };
  },
  fetch: async ({ service }) => ({
    read: async (key) => (await fetch(`http://127.0.0.1:${service}/v1/cache/${key}`)).json(),
    close: async () => {},
  }),
  'client over HTTP': async ({ service }) => {
    const client = await connect(`http://127.0.0.1:${service}`, PATIENT);
    return { read: (key) => client.get(key), isFound: isHit, close: () => client.close() };
  },
};

const isHit = (result: unknown) => (result as Result).status === 'hit';

async function withNearCache({ service }: Ports, keys: readonly string[]) {
  const nearCache = { maxEntries: keys.length };
  const client = await connect(`ws://127.0.0.1:${service}`, { ...PATIENT, nearCache });
  const isFull = async () => {
    for (let i = 0; i < keys.length; i += BATCH_KEYS) await client.getMany(keys.slice(i, i + BATCH_KEYS));
    return keys.every((key) => client.peek(key) !== undefined);
  };
  await until(isFull, { timeoutMs: FILL_TIMEOUT_MS });
  return client;
}

async function nodeRedis(
  { redis: port }: Ports,
  keys: readonly string[],
  parse: (text: string) => unknown,
): Promise<Way> {
  const clientSideCache = { ttl: 0, maxEntries: keys.length, evictPolicy: 'LRU' } as const;
  const redis = createClient({ RESP: 3, socket: { port }, clientSideCache });
  await redis.connect();
  await Promise.all(keys.map((key) => redis.get(key)));
  return {
    read: async (key) => parse((await redis.get(key))!),
    isLocal: true,
    close: async () => redis.destroy(),
  };
}

/** As a program does it that has only the documentation of the protocol, and no interest in errors. */
async function byHand({ service }: Ports): Promise<Way> {
  const ws = new WebSocket(`ws://127.0.0.1:${service}/v1/ws`, 'ratecache.v1.json');
  await once(ws, 'open');
  const waiting = new Map<number, (value: unknown) => void>();
  let id = 0;
  ws.on('message', (data) => {
    const answer = JSON.parse(String(data));
    waiting.get(answer.id)!(answer.value);
    waiting.delete(answer.id);
  });
  return {
    read: (key) =>
      new Promise((resolve) => {
        waiting.set(++id, resolve);
        ws.send(JSON.stringify({ id, op: 'get', key }));
      }),
    close: async () => ws.terminate(),
  };
}
