/** Requests that are small, or few, and used to cost seconds of CPU time or gigabytes of memory. */
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { MSGPACK_TYPE, post, put } from '../support/client.ts';
import { connectWs } from '../support/ws-client.ts';

export interface Target {
  readonly service: Service;
  /** Undefined where the service is standalone. */
  readonly redis: RedisServer | undefined;
}

export interface Costly {
  readonly name: string;
  /** Where it is sent to; by default to both. */
  readonly only?: 'redis' | 'standalone';
  readonly prepare?: (target: Target) => Promise<void>;
  readonly send: (target: Target) => Promise<void>;
}

const MiB = 1024 * 1024;
const LARGE = JSON.stringify('x'.repeat(MiB - 2));

async function drained(response: Promise<Response>): Promise<void> {
  await (await response).arrayBuffer();
}

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Keys of 500 bytes that a hostile pattern nearly matches. */
async function longKeys({ service }: Target): Promise<void> {
  const entries = times(900, (i) => ({
    key: `${'a'.repeat(496)}${String(i).padStart(4, '0')}`,
    value: 1,
    ttl: 3600,
  }));
  await drained(post(service, '/v1/mset', { entries }));
}

async function subscribedNames(target: Target): Promise<void> {
  await longKeys(target);
  const ws = await connectWs(target.service);
  for (let i = 0; i < 5; i++)
    await ws.subscribe({
      keys: times(1000, (j) => `${'a'.repeat(490)}s${String(i * 1000 + j).padStart(6, '0')}`),
    });
}

const invalidate =
  (pattern: string) =>
  ({ service }: Target) =>
    drained(post(service, '/v1/invalidate', { pattern }));

const CLASS = `*[${'b'.repeat(1020)}z]`.slice(0, 1024);
const RUN = `*${'a'.repeat(250)}b`;

/** Sends frames as fast as the socket takes them, and waits until the service has handled them or has closed the socket. */
async function frames({ service }: Target, make: (i: number) => object, count: number): Promise<void> {
  const ws = await connectWs(service);
  for (let i = 0; i < count; i++) {
    if (!ws.open) break;
    ws.send({ id: `f${i}`, op: 'subscribe', ...make(i) });
    if (i % 20 === 19) await Promise.race([ws.request('ping').catch(() => {}), ws.closed]);
  }
  await Promise.race([ws.request('ping').catch(() => {}), ws.closed]);
  await ws.close();
}

export const COSTLY: readonly Costly[] = [
  {
    name: 'an mget that names a value of 1 MiB 500 times',
    prepare: async ({ service }) => drained(put(service, 'costly:large', LARGE)),
    send: ({ service }) => drained(post(service, '/v1/mget', { keys: times(500, () => 'costly:large') })),
  },
  {
    // So many that the percentile is not that of the two turns which a busy machine delayed most.
    name: 'sixty mgets that each name a value of 1 MiB 100 times',
    prepare: async ({ service }) => drained(put(service, 'costly:large', LARGE)),
    send: async ({ service }) => {
      for (let i = 0; i < 60; i++)
        await drained(post(service, '/v1/mget', { keys: times(100, () => 'costly:large') }));
    },
  },
  {
    name: 'an invalidation by a class of 1,020 characters',
    prepare: longKeys,
    send: invalidate(CLASS),
  },
  {
    name: 'an invalidation by a long run after a star',
    prepare: longKeys,
    send: invalidate(RUN),
  },
  {
    name: 'an invalidation by a long run after a star, with 5,000 subscribed names',
    only: 'standalone',
    prepare: subscribedNames,
    send: invalidate(RUN),
  },
  {
    name: 'an invalidation that names 900,000 keys',
    send: ({ service }) =>
      drained(post(service, '/v1/invalidate', { keys: times(900_000, (i) => (i + 46_656).toString(36)) })),
  },
  {
    name: 'an invalidation that names 100,000 keys',
    send: ({ service }) =>
      drained(post(service, '/v1/invalidate', { keys: times(100_000, (i) => `costly:k${i}`) })),
  },
  {
    name: 'an mget of eight million open arrays',
    send: ({ service }) => drained(post(service, '/v1/mget', '['.repeat(8_000_000))),
  },
  {
    name: 'an mget of eight million empty arrays in msgpack',
    send: ({ service }) => {
      const head = Buffer.concat([
        Buffer.from([0x81, 0xa4]),
        Buffer.from('keys'),
        Buffer.from([0xdd, 0, 0x7a, 0x12, 0]),
      ]);
      const body = Buffer.concat([head, Buffer.alloc(8_000_000, 0x90)]);
      return drained(post(service, '/v1/mget', body, { 'content-type': MSGPACK_TYPE }));
    },
  },
  {
    name: 'an invalidation that names one type 1,000 times, whose client disconnects',
    only: 'redis',
    send: async ({ service }) => {
      const body = JSON.stringify({ types: times(1000, () => 'volatility') });
      const connection = await connect(service.port);
      await connection.send(
        `POST /v1/invalidate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      connection.destroy();
      await idle(service);
    },
  },
  {
    name: '20 subscriptions to 1,000 prefixes that match nothing',
    send: (target) => frames(target, (i) => ({ prefixes: times(1000, (j) => `none${i}:${j}`) }), 20),
  },
  {
    name: '200 subscriptions with prefixes of 1.9 MB',
    send: (target) => frames(target, () => ({ prefixes: ['p'.repeat(1_900_000)] }), 200),
  },
  {
    name: '200 subscriptions with ids of 1.9 MB',
    send: async ({ service }) => {
      for (let round = 0; round < 20; round++) {
        const ws = await connectWs(service);
        for (let i = 0; i < 10 && ws.open; i++)
          ws.send({ id: 'i'.repeat(1_900_000) + i, op: 'subscribe', keys: ['a'] });
        await ws.closed;
      }
    },
  },
  {
    name: '200 subscriptions of 1,000 names of 512 bytes',
    send: (target) =>
      frames(
        target,
        (i) => ({ keys: times(1000, (j) => `${'n'.repeat(500)}${String(i * 1000 + j).padStart(12, '0')}`) }),
        200,
      ),
  },
  {
    name: 'ten msets of 1,000 entries in parallel',
    send: async ({ service }) => {
      await Promise.all(
        times(10, (i) =>
          drained(
            post(service, '/v1/mset', {
              entries: times(1000, (j) => ({ key: `costly:m${i}:${j}`, value: { rate: j } })),
            }),
          ),
        ),
      );
    },
  },
  {
    name: 'a PUT of a megabyte of deeply nested JSON',
    send: async ({ service }) => {
      for (let i = 0; i < 10; i++)
        await drained(put(service, 'costly:deep', '['.repeat(MiB / 2) + ']'.repeat(MiB / 2)));
    },
  },
];

/** Waits until the service has no open request but the one that asks. */
async function idle(service: Service): Promise<void> {
  await until(async () => {
    const text = await (await service.fetch('/metrics')).text();
    return Number(/^ratecache_http_open_requests (\d+)/m.exec(text)?.[1]) <= 1;
  });
}
