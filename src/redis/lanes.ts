/** Batches the commands of the store, and decides which connection carries them. */
import type { Redis } from 'ioredis';
import type { ServiceClock } from '../cache/clock.ts';
import { StoreError } from '../cache/store.ts';
import type { Counters } from '../metrics/counters.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { Breaker } from './breaker.ts';
import { BulkLane, type Sender } from './bulk-lane.ts';
import { type ScriptedRedis, scripted } from './scripted.ts';
import { SHARDED_WRITE_SCRIPT, WRITE_SCRIPT } from './scripts.ts';
import { ADMIN_TIMEOUT_MS, type Guard, sendCommand } from './send-command.ts';
import type { ServerLimits } from './server-limits.ts';
import { TurnBatch } from './turn-batch.ts';

export interface LanesDeps {
  readonly data: Redis;
  /** Carries the changes; by default `data`. It must be another connection where changes wait for replicas. */
  readonly writer?: Redis;
  readonly admin: Redis;
  /** Returns the connection for large values, so that no read waits behind them. The default is `admin`. */
  readonly bulk?: () => Redis;
  readonly counters: Counters;
  /** The connections are used only once this clock is set by Redis's clock. */
  readonly clock: Pick<ServiceClock, 'synced'>;
  /** Guards the data connection. */
  readonly breaker?: Breaker;
  /** Records that the server refuses scripts. */
  readonly limits?: ServerLimits;
  /** Whether the server is a master of a Cluster. */
  readonly sharded?: boolean;
}

export interface Waiting<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
  /** Of the request, if it is traced. */
  readonly span?: TraceSpan | undefined;
}

/** The connection that carries a command, and its time-outs. */
export interface Route {
  readonly redis: Redis;
  readonly timeoutMs: number;
  readonly breaker: Guard | undefined;
  /** The longest wait while a large reply arrives. */
  readonly longestMs?: number;
  /** Whether the keys belong to a slot that is moving to this server. */
  readonly asking?: boolean;
}

/** How one kind of command is batched, and which routes it uses. */
export interface LaneOptions<Input, Output> {
  /** The most inputs in one command, because each command blocks Redis for every client. */
  readonly most: number;
  readonly keyOf: (input: Input) => string;
  /** The size of a large value; 0 where the value is not large, or its size is not known. */
  readonly bytesOf: (input: Input) => number;
  readonly send: (items: Waiting<Input, Output>[], route: Route) => Promise<void>;
  readonly route: Route;
  /** Returns the route for large values. @param leftMs the time that remains */
  readonly bulk: (leftMs: number) => Route;
}

/** The time-out of a late change in milliseconds. It is longer than that of a live change, because no caller waits. */
const LATE_TIMEOUT_MS = 2000;

export class Lanes {
  /** For commands whose caller waits. */
  readonly live: Route;
  /** As `live`, for changes. */
  readonly liveChanges: Route;
  /** For the replay of pending writes. It ignores the circuit breaker, because on a slow path no other way exists. */
  readonly late: Route;
  /** For the keys that a scan found. It uses the connection of the scan, so that no read waits behind it. */
  readonly scanned: Route;
  readonly writeScript: string;
  readonly #deps: LanesDeps;
  readonly #bulk: () => Redis;
  readonly #lane: BulkLane;
  /** The last command of each live route. */
  readonly #lastLive = new Map<Route, Promise<unknown>>();

  constructor(commandTimeoutMs: number, deps: LanesDeps) {
    const { data, admin, breaker, writer = data } = deps;
    this.#deps = deps;
    this.writeScript = deps.sharded ? SHARDED_WRITE_SCRIPT : WRITE_SCRIPT;
    this.#bulk = deps.bulk ?? (() => admin);
    this.#lane = new BulkLane({ others: () => Promise.allSettled(this.#lastLive.values()) });
    this.live = { redis: data, timeoutMs: commandTimeoutMs, breaker };
    this.liveChanges = writer === data ? this.live : { ...this.live, redis: writer };
    this.late = { redis: writer, timeoutMs: LATE_TIMEOUT_MS, breaker: undefined };
    this.scanned = { redis: admin, timeoutMs: ADMIN_TIMEOUT_MS, breaker: undefined };
  }

  /** The route for reads of large values. It obeys the breaker of the data connection, but does not change it. */
  bulkRead(leftMs: number): Route {
    const { timeoutMs, breaker } = this.live;
    const guard = breaker && { open: breaker.open, succeeded: () => {}, failed: () => {} };
    const redis = this.#bulk();
    return { redis, timeoutMs: Math.min(timeoutMs, leftMs), longestMs: leftMs, breaker: guard };
  }

  /** As `bulkRead`, for writes. No bytes arrive while a large value is sent, so the time-out is the longest wait. */
  bulkWrite(leftMs: number): Route {
    return { ...this.bulkRead(leftMs), timeoutMs: leftMs };
  }

  /** As `bulkWrite`, for the replay of pending writes. */
  bulkLate(leftMs: number): Route {
    return { ...this.bulkWrite(leftMs), breaker: undefined };
  }

  /** Returns a batch whose large values, and later commands for the same keys, use the bulk route. */
  batch<Input, Output>(lane: LaneOptions<Input, Output>): TurnBatch<Waiting<Input, Output>> {
    const { most, keyOf, bytesOf, send, route, bulk } = lane;
    const sender: Sender<Waiting<Input, Output>> = {
      most,
      send: (items, leftMs) => send(items, bulk(leftMs)),
      expire: ({ reject }) =>
        reject(new StoreError('unavailable', 'other large values took too long; nothing was sent to Redis')),
    };
    return new TurnBatch(most, (items) => {
      const small = items.filter((item) => {
        const bytes = bytesOf(item.input);
        if (bytes === 0 && (this.#lane.idle || !this.#lane.has(keyOf(item.input)))) return true;
        this.#lane.add(keyOf(item.input), bytes, item, sender);
        return false;
      });
      if (small.length > 0) void send(small, route);
    });
  }

  send<T>(route: Route, command: (redis: ScriptedRedis) => Promise<T>): Promise<T> {
    const { redis, timeoutMs, breaker, longestMs } = route;
    const { counters, clock } = this.#deps;
    const sent = sendCommand(
      redis,
      counters,
      timeoutMs,
      () => {
        // Without Redis's time the deadlines of changes would be wrong.
        if (!clock.synced) throw new StoreError('unavailable', 'not connected to Redis');
        return command(scripted(redis, this.writeScript, this.#deps.limits));
      },
      breaker,
      longestMs,
    );
    if (route === this.live || route === this.liveChanges) this.#lastLive.set(route, sent);
    return sent;
  }
}
