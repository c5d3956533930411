import { Redis } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly connectTimeoutMs: number;
}

const MAX_BACKOFF_MS = 30_000;

/** How long to wait before the given attempt: doubling from 50 ms to 30 s, less up to half of it by chance. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(50 * 2 ** Math.min(attempt, 20), MAX_BACKOFF_MS);
  return ceiling * (1 - random() / 2);
}

export interface ConnectionEvents {
  /** It can be used from now on. */
  readonly up?: () => void;
  /** It was up and is no longer. */
  readonly down?: () => void;
  /** It could not be made, or broke. */
  readonly fault?: (error: Error) => void;
}

/**
 * One connection, which is made again for ever when it breaks. Nothing waits for it: a command that finds it
 * down fails at once.
 */
export function connect(
  address: RedisAddress,
  name: string,
  counters: Counters,
  events: ConnectionEvents = {},
): Redis {
  const redis = new Redis({
    host: address.host,
    port: address.port,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    db: address.db,
    connectionName: `ratecache-${name}`,
    // RESP3 would lose invalidation pushes, see docs/architecture.md.
    protocol: 2,
    connectTimeout: address.connectTimeoutMs,
    // ioredis would keep a process alive for two seconds to disconnect from what it is not connected to.
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => backoffMs(attempt),
    // A server that is loading its data is reported as such instead of being waited for in silence.
    enableReadyCheck: true,
  });
  let up = false;
  redis.on('ready', () => {
    up = true;
    events.up?.();
  });
  redis.on('close', () => {
    if (up) events.down?.();
    up = false;
  });
  redis.on('error', (error: Error) => {
    counters.countRedisError('connection');
    events.fault?.(error);
  });
  return redis;
}
