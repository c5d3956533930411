import type { Redis } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';
import { ConnectionFault } from './connection-fault.ts';
import { describeFault } from './describe-fault.ts';
import { checkRights } from './rights-check.ts';
import { sendCommand } from './send-command.ts';
import type { ServerLimits } from './server-limits.ts';
import { checkReplies } from './unexpected-replies.ts';

/** The status of Redis. `server_info` and `response_time_ms` have the names that `/health` uses. */
export type RedisStatus =
  | {
      /** The data connection is up, and answers. */
      readonly connected: true;
      /** The round trip of a PING, in milliseconds with two decimals. */
      readonly response_time_ms: number;
      /** Empty where INFO is not answered, or an ACL forbids it. */
      readonly server_info: Partial<ServerInfo>;
      /** Whether the server is a replica, and so refuses writes. */
      readonly replica: boolean;
      /** Undefined where INFO is not answered, or an ACL forbids it. */
      readonly details: RedisDetails | undefined;
    }
  | {
      readonly connected: false;
      readonly response_time_ms: null;
      readonly server_info: Readonly<Record<string, never>>;
      /** A sentence for an operator, without secrets. */
      readonly error: string;
    };

export interface ServerInfo {
  readonly redis_version: string;
  readonly uptime_in_seconds: number;
  /** All clients of the server, not only this process. */
  readonly connected_clients: number;
  /** In Redis's own format, such as `1.20G`. */
  readonly used_memory_human: string;
}

/** Figures of the whole server, over all databases and clients. Counts start with the server. */
export interface RedisDetails {
  readonly usedMemoryBytes: number;
  /** 0: no limit. */
  readonly maxMemoryBytes: number;
  /** 0: unknown. */
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
  /** The time that Redis spent on these calls, in seconds. */
  readonly seconds: number;
}

export interface RedisInfoOptions {
  /** The time-out in milliseconds. The default is 500, because health probes time out after a second. */
  readonly timeoutMs?: number;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
  /** Receives what an ACL forbids. */
  readonly limits?: ServerLimits;
}

const MAX_AGE_MS = 1000;

/** The two parsed INFO replies of a status. */
type InfoReplies = readonly [info: ReadonlyMap<string, string>, commandStats: ReadonlyMap<string, string>];

/**
 * Reads the status of Redis at most once a second. Callers within that second receive the same answer, also when it is
 * a failure. The data connection decides whether Redis is connected. INFO uses the admin connection where that is
 * ready.
 */
export class RedisInfo {
  readonly #data: Redis;
  readonly #admin: Redis;
  readonly #counters: Counters;
  readonly #timeoutMs: number;
  readonly #limits: ServerLimits | undefined;
  readonly #now: () => number;
  #answer: Promise<RedisStatus> | undefined;
  /** When the answer is too old. Infinite while a read is in flight. */
  #staleAt = Number.POSITIVE_INFINITY;
  readonly #fault: ConnectionFault;

  constructor(data: Redis, counters: Counters, options: RedisInfoOptions = {}, admin: Redis = data) {
    this.#data = data;
    this.#admin = admin;
    this.#counters = counters;
    this.#timeoutMs = options.timeoutMs ?? 500;
    this.#limits = options.limits;
    this.#now = options.now ?? (() => performance.now());
    this.#fault = new ConnectionFault(data);
  }

  /** Never rejects. */
  status(): Promise<RedisStatus> {
    if (this.#answer === undefined || this.#now() >= this.#staleAt) {
      this.#staleAt = Number.POSITIVE_INFINITY;
      this.#answer = this.#readStatus().finally(() => {
        this.#staleAt = this.#now() + MAX_AGE_MS;
      });
    }
    return this.#answer;
  }

  async #readStatus(): Promise<RedisStatus> {
    const replies = this.#readInfo();
    const start = performance.now();
    const rights = this.#limits && checkRights(this.#data, this.#counters, this.#timeoutMs, this.#limits);
    try {
      await sendCommand(this.#data, this.#counters, this.#timeoutMs, async (redis) =>
        checkReplies<string>([await redis.ping()], 1, (reply) => reply === 'PONG'),
      );
      const ms = performance.now() - start;
      await rights;
      return statusOf(await replies, ms);
    } catch (error) {
      const fault = describeFault(error as Error, this.#data.options.password ?? undefined);
      const why = this.#data.status === 'ready' || this.#fault.text === '' ? '' : `: ${this.#fault.text}`;
      return { connected: false, response_time_ms: null, server_info: {}, error: fault + why };
    }
  }

  /** Returns undefined where INFO is not answered, or an ACL forbids it. */
  #readInfo(): Promise<InfoReplies | undefined> {
    const redis = this.#admin.status === 'ready' ? this.#admin : this.#data;
    return sendCommand(redis, this.#counters, this.#timeoutMs, async (): Promise<InfoReplies> => {
      const replies = await Promise.all([redis.info(), redis.info('commandstats')]);
      const [info, commands] = checkReplies<unknown>(replies, 2, (reply) => typeof reply === 'string');
      return [parseInfo(info as string), parseInfo(commands as string)];
    }).catch(() => undefined);
  }
}

/** Returns the fields of an INFO reply. Lines that are not `name:value` are skipped. */
export function parseInfo(reply: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of reply.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && line[0] !== '#') fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

function statusOf(replies: InfoReplies | undefined, ms: number): RedisStatus {
  const answer = { connected: true, response_time_ms: Math.round(ms * 100) / 100 } as const;
  if (replies === undefined) return { ...answer, server_info: {}, replica: false, details: undefined };
  const [info, commandStats] = replies;
  const number = (name: string) => Number(info.get(name) ?? 0) || 0;
  const details: RedisDetails = {
    usedMemoryBytes: number('used_memory'),
    maxMemoryBytes: number('maxmemory'),
    maxClients: number('maxclients'),
    evictedKeys: number('evicted_keys'),
    expiredKeys: number('expired_keys'),
    keyspaceHits: number('keyspace_hits'),
    keyspaceMisses: number('keyspace_misses'),
    commands: [...commandStats].flatMap(([field, stats]) => commandOf(field, stats) ?? []),
  };
  return {
    ...answer,
    server_info: {
      redis_version: info.get('redis_version') ?? 'unknown',
      uptime_in_seconds: number('uptime_in_seconds'),
      connected_clients: number('connected_clients'),
      used_memory_human: info.get('used_memory_human') ?? 'unknown',
    },
    replica: info.get('role') === 'slave',
    details,
  };
}

/** Reads `cmdstat_mget:calls=12,usec=340,usec_per_call=28.33,…`. */
function commandOf(field: string, stats: string): RedisCommandDetails | undefined {
  const calls = /\bcalls=(\d+)/.exec(stats)?.[1];
  const microseconds = /\busec=(\d+)/.exec(stats)?.[1];
  if (!field.startsWith('cmdstat_') || calls === undefined || microseconds === undefined) return undefined;
  return { name: field.slice('cmdstat_'.length), calls: Number(calls), seconds: Number(microseconds) / 1e6 };
}
