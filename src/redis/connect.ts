import { Redis, type RedisOptions } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';
import './unexpected-replies.ts';
import { connectorTo, type HostAndPort, type Route } from './connector.ts';
import type { Credentials } from './credentials.ts';
import { closeWhenSilent } from './half-open.ts';
import { keepOpen } from './keep-open.ts';
import { type Reconnection, Reconnector } from './reconnector.ts';
import { refusal } from './refusal.ts';
import { followReplies } from './reply-progress.ts';
import type { Membership } from './same-server.ts';
import type { TlsFiles } from './tls.ts';

/** How to reach Redis: a server with a fixed address, or one that is found for each connection. */
export type RedisAddress = ConnectionSettings & (HostAndPort | Pick<Route, 'locate' | 'refuse'>);

/** A password that may change is read for each connection: pass a `Credentials`. */
export interface ConnectionSettings extends Pick<Credentials, 'username' | 'password'> {
  readonly db: number;
  /** Undefined to connect without TLS. */
  readonly tls?: TlsFiles | undefined;
  readonly connectTimeoutMs: number;
}

const SILENCE_MS = 3000;

export interface ConnectionEvents {
  /** The connection can be used from now on. */
  readonly up?: () => void;
  /** The connection was up and is down now. */
  readonly down?: () => void;
  /** The connection failed or was lost. */
  readonly fault?: (error: Error) => void;
  /** Redis refused a command with READONLY, which means that it is a replica. */
  readonly readonly?: () => void;
}

/** Creates a Redis client that connects at once. A simulation passes its own. */
export type OpenRedis = (options: RedisOptions) => Redis;

export interface ConnectionDeps {
  readonly open?: OpenRedis;
  /** Decides when to reconnect. By default the connection has its own backoff. */
  readonly reconnection?: Reconnection;
  /** Ensures that this connection reaches the same server as others. */
  readonly membership?: Membership;
}

/** Members that ioredis does not declare. */
interface Inside {
  reconnectTimeout: NodeJS.Timeout | null;
}

/**
 * Opens a connection that always reconnects. It has no offline queue: a command fails at once while the connection is
 * down.
 */
export function connect(
  address: RedisAddress,
  name: string,
  counters: Counters,
  events: ConnectionEvents = {},
  { open = openReal, reconnection = new Reconnector().join(), membership }: ConnectionDeps = {},
): Redis {
  const redis = open({
    ...optionsOf(address, name, membership),
    reconnectOnError: (error) => {
      if (events.readonly !== undefined && refusal(error.message).kind === 'readonly') events.readonly();
      return false;
    },
    // By default ioredis keeps the process alive for two seconds on a disconnect, even without a connection.
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => reconnection.broken(),
    // With the ready check, a server that is loading its data shows up as an error.
    enableReadyCheck: true,
  });
  // ioredis reads this option for each connection.
  Object.defineProperty(redis.options, 'password', { get: () => address.password });
  closeWhenSilent(redis, SILENCE_MS);
  keepOpen(redis);
  followReplies(redis);
  let up = false;
  const buryPredecessor = predecessorOf(redis);
  reconnection.retryNow = () => endPause(redis);
  if (membership !== undefined) membership.reconnect = () => redis.disconnect(true);
  redis.on('ready', () => {
    up = true;
    reconnection.ready();
    buryPredecessor();
    events.up?.();
  });
  redis.on('close', () => {
    membership?.lost();
    if (up) events.down?.();
    up = false;
  });
  redis.on('error', (error: Error) => {
    counters.countRedisError('connection');
    events.fault?.(error);
    // Without a disconnect ioredis would use database 0.
    if (isOfSelect(error)) redis.disconnect(true);
  });
  return redis;
}

/**
 * Returns a client for one or two commands. The caller connects it; it does not reconnect. A command that is not
 * answered within `connectTimeoutMs` fails.
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
  // The caller receives the error from `connect()`. Without a listener the event would end the process.
  redis.on('error', () => {});
  return redis;
}

function optionsOf(address: RedisAddress, name: string, membership?: Membership): RedisOptions {
  const { tls } = address;
  const fixed = 'host' in address;
  const refuse: Route['refuse'] = (info, server) =>
    (fixed ? undefined : address.refuse?.(info, server)) ?? membership?.refuse(info);
  const route = { locate: fixed ? () => address : address.locate, tls, refuse };
  return {
    ...(fixed ? { host: address.host, port: address.port } : {}),
    Connector: connectorTo(route),
    // ioredis then waits for the handshake. The connector has the options of TLS.
    ...(tls === undefined ? {} : { tls: {} }),
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    db: address.db,
    connectionName: `ratecache-${name}`,
    // Redis 7.2 would refuse CLIENT SETINFO to the user of deploy/redis/users.acl: Redis 7.0 cannot grant it.
    disableClientInfo: true,
    // ioredis drops invalidation pushes in RESP3, see docs/architecture.md.
    protocol: 2,
    connectTimeout: address.connectTimeoutMs,
  };
}

export function openReal(options: RedisOptions): Redis {
  return new Redis({ ...options, replyMapping: 'legacy' });
}

/** Whether Redis refused `SELECT`: the number is out of range, or an ACL forbids the command. */
function isOfSelect(error: Error & { command?: { name: string } }): boolean {
  return error.command?.name === 'select';
}

/** Reconnects now if the connection is in a backoff pause. A connection that was closed on purpose stays closed. */
function endPause(redis: Redis): void {
  const inside = redis as unknown as Inside;
  if (redis.status !== 'reconnecting' || inside.reconnectTimeout === null) return;
  clearTimeout(inside.reconnectTimeout);
  inside.reconnectTimeout = null;
  redis.connect().catch(() => {});
}

/**
 * Returns a function to call first on each new connection: it makes Redis close the previous connection. Commands in a
 * half-open connection may still arrive, after newer writes on the new connection, and would overwrite them. Redis runs
 * `CLIENT KILL` before any other command of the new connection, so later bytes of the old one are lost.
 *
 * The deadlines of changes are not enough: a pending write has two seconds, in which its key may be deleted.
 */
function predecessorOf(redis: Redis): () => void {
  let known: string[] | undefined;
  return () => {
    // Where an ACL forbids these commands, or Redis is older than 6.2, this protection is missing.
    const ignore = () => {};
    // The address is given too: after a restart of Redis the id may belong to another client.
    if (known !== undefined) redis.call('CLIENT', ['KILL', ...known]).catch(ignore);
    known = undefined;
    redis.call('CLIENT', ['INFO']).then((info) => {
      const [, id, address] = /^id=(\d+) addr=(\S+)/.exec(String(info)) ?? [];
      if (id !== undefined && address !== undefined) known = ['ID', id, 'ADDR', address];
    }, ignore);
  };
}
