import { Redis, type RedisOptions } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';
import './unexpected-replies.ts';
import { breakWhenSilent } from './half-open.ts';
import { type Reconnection, Reconnector } from './reconnector.ts';
import { refusal } from './refusal.ts';
import { followReplies } from './reply-progress.ts';

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
  /** The connection can be used from now on. */
  readonly up?: () => void;
  /** The connection was up and is down now. */
  readonly down?: () => void;
  /** The connection could not be made, or broke. */
  readonly fault?: (error: Error) => void;
  /** Redis refused a command with READONLY: it is a replica. */
  readonly readonly?: () => void;
}

/** Makes a client of Redis, which begins to connect. A simulation gives its own. */
export type OpenRedis = (options: RedisOptions) => Redis;

export interface ConnectionDeps {
  readonly open?: OpenRedis;
  /** Decides when the connection is made again; by default the connection shares its pauses with no other. */
  readonly reconnection?: Reconnection;
}

/** What ioredis does not declare. */
interface Inside {
  reconnectTimeout: NodeJS.Timeout | null;
}

/**
 * Opens a connection that is made again for ever when it breaks. Nothing waits for it: a command that finds the
 * connection down fails at once.
 */
export function connect(
  address: RedisAddress,
  name: string,
  counters: Counters,
  events: ConnectionEvents = {},
  { open = openReal, reconnection = new Reconnector().join() }: ConnectionDeps = {},
): Redis {
  const redis = open({
    ...optionsOf(address, name),
    reconnectOnError: (error) => {
      if (events.readonly !== undefined && refusal(error.message).kind === 'readonly') events.readonly();
      return false;
    },
    // ioredis would keep a process alive for two seconds to disconnect from what it is not connected to.
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => reconnection.broken(),
    // A server that is loading its data is reported as such instead of being waited for in silence.
    enableReadyCheck: true,
  });
  breakWhenSilent(redis, SILENCE_MS);
  followReplies(redis);
  let up = false;
  const buryPredecessor = predecessorOf(redis);
  reconnection.retryNow = () => endPause(redis);
  redis.on('ready', () => {
    up = true;
    reconnection.ready();
    buryPredecessor();
    events.up?.();
  });
  redis.on('close', () => {
    if (up) events.down?.();
    up = false;
  });
  redis.on('error', (error: Error) => {
    counters.countRedisError('connection');
    events.fault?.(error);
    // ioredis would go on in database 0.
    if (isOfSelect(error)) redis.disconnect(true);
  });
  return redis;
}

/**
 * Opens a connection for a question or two. It connects when it is told to, and never again; a command that is not
 * answered in time fails.
 */
export function connectOnce(
  address: RedisAddress,
  name: string,
  { open = openReal }: Pick<ConnectionDeps, 'open'> = {},
): Redis {
  const redis = open({
    ...optionsOf(address, name),
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    disconnectTimeout: 100,
    commandTimeout: address.connectTimeoutMs,
  });
  // The attempt to connect rejects as well.
  redis.on('error', () => {});
  return redis;
}

function optionsOf(address: RedisAddress, name: string): RedisOptions {
  return {
    host: address.host,
    port: address.port,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    db: address.db,
    connectionName: `ratecache-${name}`,
    // RESP3 would lose invalidation pushes, see docs/architecture.md.
    protocol: 2,
    connectTimeout: address.connectTimeoutMs,
  };
}

function openReal(options: RedisOptions): Redis {
  return new Redis({ ...options, replyMapping: 'legacy' });
}

/** Whether Redis refused to select the database: the number is out of range, or the user may not. */
function isOfSelect(error: Error & { command?: { name: string } }): boolean {
  return error.command?.name === 'select';
}

/** Connects now if the connection waits for its next attempt. One that was closed on purpose does not wait. */
function endPause(redis: Redis): void {
  const inside = redis as unknown as Inside;
  if (redis.status !== 'reconnecting' || inside.reconnectTimeout === null) return;
  clearTimeout(inside.reconnectTimeout);
  inside.reconnectTimeout = null;
  redis.connect().catch(() => {});
}

/**
 * Gives what is to be called first on each new connection. What was written into one that went half open may
 * still be on its way, and would be made after, and so over, what the new one has written since. Redis ends the
 * old one before it sees any command of the new one, and with it whatever still comes there.
 * The deadlines of changes do not suffice: a pending write has two seconds, in which its key may have been deleted.
 */
function predecessorOf(redis: Redis): () => void {
  let known: string[] | undefined;
  return () => {
    // Where it may not be asked, or Redis is older than 6.2, there is nothing to be done.
    const ignore = () => {};
    // By its address too: in a Redis that was restarted the number may be somebody else's.
    if (known !== undefined) redis.call('CLIENT', ['KILL', ...known]).catch(ignore);
    known = undefined;
    redis.call('CLIENT', ['INFO']).then((info) => {
      const [, id, address] = /^id=(\d+) addr=(\S+)/.exec(String(info)) ?? [];
      if (id !== undefined && address !== undefined) known = ['ID', id, 'ADDR', address];
    }, ignore);
  };
}
