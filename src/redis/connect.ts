import { Redis } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';
import { backoffMs } from './backoff.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly connectTimeoutMs: number;
}

const SILENCE_MS = 3000;

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
    // A connection that has been silent for so long while an answer was due is half open: it is made anew.
    socketTimeout: SILENCE_MS,
    // A server that has become a replica will stay one; its name may lead to the new master by now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
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
