import type { Redis } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';
import { ask } from './ask.ts';
import { describeFault } from './describe-fault.ts';

/** What Redis says of itself. `server_info` and `response_time_ms` are named as `/health` shows them. */
export type RedisStatus =
  | {
      readonly connected: true;
      /** Of a PING, in milliseconds, with two decimals. */
      readonly response_time_ms: number;
      readonly server_info: {
        readonly redis_version: string;
        readonly uptime_in_seconds: number;
        /** Of all clients of that server, not only of this process. */
        readonly connected_clients: number;
        /** As Redis writes it: `1.20G`. */
        readonly used_memory_human: string;
      };
      readonly details: RedisDetails;
    }
  | {
      readonly connected: false;
      readonly response_time_ms: null;
      readonly server_info: Readonly<Record<string, never>>;
      /** A sentence for an operator, without secrets. */
      readonly error: string;
    };

/** Of the whole server, all its databases and clients. Counts begin with the server's start. */
export interface RedisDetails {
  readonly usedMemoryBytes: number;
  /** 0: no limit. */
  readonly maxMemoryBytes: number;
  /** 0: the server does not tell. */
  readonly maxClients: number;
  readonly evictedKeys: number;
  readonly expiredKeys: number;
  readonly keyspaceHits: number;
  readonly keyspaceMisses: number;
  readonly commands: readonly RedisCommandDetails[];
}

export interface RedisCommandDetails {
  /** Lower case; a subcommand as `client|setname`. */
  readonly name: string;
  readonly calls: number;
  /** Time that Redis spent on them, in seconds. */
  readonly seconds: number;
}

export interface RedisInfoOptions {
  /** How long to wait for the answers, in milliseconds. By default 500: probes give up after a second. */
  readonly timeoutMs?: number;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

const MAX_AGE_MS = 1000;

/**
 * Asks Redis how it is, at most once a second however often it is asked itself: who asks meanwhile gets the
 * same answer, also when that is a failure.
 */
export class RedisInfo {
  readonly #redis: Redis;
  readonly #counters: Counters;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #answer: Promise<RedisStatus> | undefined;
  /** When the answer is too old; never while it is on its way. */
  #staleAt = Number.POSITIVE_INFINITY;
  /** Why there is no connection, as far as the connection has said. */
  #fault = '';

  constructor(redis: Redis, counters: Counters, options: RedisInfoOptions = {}) {
    this.#redis = redis;
    this.#counters = counters;
    this.#timeoutMs = options.timeoutMs ?? 500;
    this.#now = options.now ?? (() => performance.now());
    redis.on('error', (error: Error) => {
      this.#fault = describeFault(error, redis.options.password ?? undefined);
    });
    redis.on('ready', () => {
      this.#fault = '';
    });
  }

  /** Never rejects. */
  status(): Promise<RedisStatus> {
    if (this.#answer === undefined || this.#now() >= this.#staleAt) {
      this.#staleAt = Number.POSITIVE_INFINITY;
      this.#answer = this.#ask().finally(() => {
        this.#staleAt = this.#now() + MAX_AGE_MS;
      });
    }
    return this.#answer;
  }

  async #ask(): Promise<RedisStatus> {
    const start = performance.now();
    let answeredAt = start;
    try {
      const [, info, commands] = await ask(this.#redis, this.#counters, this.#timeoutMs, (redis) =>
        Promise.all([
          redis.ping().then(() => {
            answeredAt = performance.now();
          }),
          redis.info(),
          redis.info('commandstats'),
        ]),
      );
      return statusOf(parseInfo(info), parseInfo(commands), answeredAt - start);
    } catch (error) {
      const fault = describeFault(error as Error, this.#redis.options.password ?? undefined);
      const why = this.#redis.status === 'ready' || this.#fault === '' ? '' : `: ${this.#fault}`;
      return { connected: false, response_time_ms: null, server_info: {}, error: fault + why };
    }
  }
}

/** The fields of an INFO reply; lines that are not `name:value` are passed over. */
export function parseInfo(reply: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of reply.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && line[0] !== '#') fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

function statusOf(
  info: ReadonlyMap<string, string>,
  commandStats: ReadonlyMap<string, string>,
  ms: number,
): RedisStatus {
  const number = (name: string) => Number(info.get(name) ?? 0) || 0;
  return {
    connected: true,
    response_time_ms: Math.round(ms * 100) / 100,
    server_info: {
      redis_version: info.get('redis_version') ?? 'unknown',
      uptime_in_seconds: number('uptime_in_seconds'),
      connected_clients: number('connected_clients'),
      used_memory_human: info.get('used_memory_human') ?? 'unknown',
    },
    details: {
      usedMemoryBytes: number('used_memory'),
      maxMemoryBytes: number('maxmemory'),
      maxClients: number('maxclients'),
      evictedKeys: number('evicted_keys'),
      expiredKeys: number('expired_keys'),
      keyspaceHits: number('keyspace_hits'),
      keyspaceMisses: number('keyspace_misses'),
      commands: [...commandStats].flatMap(([field, stats]) => commandOf(field, stats) ?? []),
    },
  };
}

/** Reads `cmdstat_mget:calls=12,usec=340,usec_per_call=28.33,…`. */
function commandOf(field: string, stats: string): RedisCommandDetails | undefined {
  const calls = /\bcalls=(\d+)/.exec(stats)?.[1];
  const microseconds = /\busec=(\d+)/.exec(stats)?.[1];
  if (!field.startsWith('cmdstat_') || calls === undefined || microseconds === undefined) return undefined;
  return { name: field.slice('cmdstat_'.length), calls: Number(calls), seconds: Number(microseconds) / 1e6 };
}
