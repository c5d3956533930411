/** What ratecache is to reach: each a ratio of two that were measured beside one another. */
import type { Figure } from './figures.ts';

export interface Target {
  readonly what: string;
  readonly against: string;
  readonly limit: Limit;
  readonly measured: InRow | InSuite;
}

export type Limit = { readonly atLeast: number } | { readonly atMost: number };

/** Two contestants of a row. */
export interface InRow {
  readonly row: string;
  readonly of: Figure;
  readonly ours: string;
  readonly theirs: string;
}

/** Two microbenchmarks, by their ids: the times that an operation takes. */
export interface InSuite {
  readonly ours: string;
  readonly theirs: string;
}

const OURS = 'ratecache';
const BARE = { against: 'bare uWS', theirs: 'bare-uws' };

const UNCOUNTED = { against: 'nothing counted', theirs: 'ratecache-bare' };

/** Where answers exceed what uWS corks, its own are sent in pieces: there the targets were 0.9 and 1.1 at first. */
const PIPELINED = [
  { row: 'get-16', what: 'GET, L1 hit, 16 deep', atLeast: 0.9, atMost: 1.1 },
  { row: 'get-64', what: 'GET, L1 hit, 64 deep', atLeast: 4, atMost: 0.25 },
  { row: 'get-1k-16', what: 'GET, L1 hit, 1 KB, 16 deep', atLeast: 4, atMost: 0.25 },
  { row: 'get-1k-64', what: 'GET, L1 hit, 1 KB, 64 deep', atLeast: 5, atMost: 0.2 },
];

const FASTIFY = ['bentocache', 'layered-loader', 'lru-cache'];

export const TARGETS: readonly Target[] = [
  ...PIPELINED.flatMap(({ row, what, atLeast, atMost }) => [
    rate(row, what, BARE, atLeast),
    cpu(row, what, BARE, atMost),
  ]),
  ...[
    { ...BARE, atMost: 1.08 },
    { against: 'nginx, lua shared dict', theirs: 'nginx-lua', atMost: 0.8 },
    { against: 'nginx + memcached', theirs: 'nginx-memcached', atMost: 0.4 },
    { against: 'varnish', theirs: 'varnish', atMost: 0.4 },
    { against: 'webdis + Redis', theirs: 'webdis', atMost: 0.4 },
  ].map((other) => cpu('get', 'GET, L1 hit, unpipelined', other, other.atMost)),
  ...FASTIFY.map((cache) =>
    rate('get', 'GET, L1 hit, unpipelined', { against: `Fastify, ${cache}`, theirs: `fastify-${cache}` }, 4),
  ),
  {
    what: 'load from L2, in process, 64 at a time',
    against: 'ioredis mgetBuffer a turn',
    limit: { atLeast: 0.8 },
    measured: {
      ...{ row: 'load-64', of: 'perSecond' },
      ...{ ours: 'ratecache load', theirs: 'ioredis mgetBuffer a turn' },
    },
  },
  ...[
    { concurrency: 8, atMost: 0.7 },
    { concurrency: 1, atMost: 1.1 },
  ].map(
    ({ concurrency, atMost }): Target => ({
      what: `load from L2, in process, ${concurrency} at a time`,
      against: 'ioredis getBuffer',
      limit: { atMost },
      measured: {
        ...{ row: `load-${concurrency}`, of: 'p50Us' },
        ...{ ours: 'ratecache load', theirs: 'ioredis getBuffer' },
      },
    }),
  ),
  {
    what: 'GET, L2 hit, 64 connections',
    against: 'GET, L1 hit',
    limit: { atLeast: 0.6 },
    measured: { row: 'get-l2', of: 'perSecond', ours: 'ratecache-cold', theirs: OURS },
  },
  rate('put', 'PUT, 64 connections', { against: 'ioredis SET, 64 at a time', theirs: 'ioredis set' }, 0.5),
  rate('ws-mget', 'WebSocket mget of 100, msgpack', BARE, 0.6),
  rate('ws-get-json', 'WebSocket get, JSON, 64 in flight', BARE, 0.75),
  rate('ws-get-msgpack', 'WebSocket get, msgpack, 64 in flight', BARE, 0.75),
  cpu('metrics', 'metrics, of a GET, L1 hit', UNCOUNTED, 1.03),
  cpu('metrics-16', 'metrics, of a GET, L1 hit, 16 deep', UNCOUNTED, 1.03),
  {
    what: 'metrics, of a GET, L1 hit, 16 deep',
    against: UNCOUNTED.against,
    limit: { atMost: 1.03 },
    measured: { row: 'instructions', of: 'instructions', ours: OURS, theirs: UNCOUNTED.theirs },
  },
  {
    what: 'GET, L1 hit, 16 deep',
    against: BARE.against,
    limit: { atMost: 1 },
    measured: { row: 'instructions', of: 'instructions', ours: OURS, theirs: BARE.theirs },
  },
  peek('Map', 3),
  peek('bentocache, get', 0.05),
  peek('layered-loader, get', 0.1),
  peek('cacheable, get', 0.03),
  {
    what: 'peek, L1 of 1,000,000 entries',
    against: 'L1 of 1,000 entries',
    limit: { atMost: 2 },
    measured: {
      ours: 'cache/l1/memory > L1 of 1M entries > hit',
      theirs: 'cache/l1/memory > L1 of 1k entries > hit',
    },
  },
  {
    what: 'GET, L1 hit, at half of the knee',
    against: 'bare uWS at the same rate',
    limit: { atMost: 2 },
    measured: { row: 'half-knee', of: 'p999Us', ours: OURS, theirs: 'bare-uws' },
  },
  {
    what: 'start of the binary to its first answer',
    against: 'bare Node http',
    limit: { atMost: 2.5 },
    measured: { row: 'start', of: 'p50Us', ours: 'binary', theirs: 'node-http' },
  },
];

type Other = Pick<InRow, 'theirs'> & Pick<Target, 'against'>;

function rate(row: string, what: string, { against, theirs }: Other, atLeast: number): Target {
  return { what, against, limit: { atLeast }, measured: { row, of: 'perSecond', ours: OURS, theirs } };
}

function cpu(row: string, what: string, { against, theirs }: Other, atMost: number): Target {
  return { what, against, limit: { atMost }, measured: { row, of: 'cpuUs', ours: OURS, theirs } };
}

function peek(other: string, atMost: number): Target {
  const group = 'peers/l1-hit > L1 hit, 10k entries';
  return {
    what: 'peek, in process, 10,000 entries',
    against: other,
    limit: { atMost },
    measured: { ours: `${group} > ratecache, peek`, theirs: `${group} > ${other}` },
  };
}
