import type { Redis } from 'ioredis';
import type { ServiceClock } from '../cache/clock.ts';
import { StoreError } from '../cache/store.ts';

export interface ClockSyncEvents {
  /** The clock was set by the Redis of a new connection, which can be used from now on. */
  readonly synced: () => void;
  /** The clock was stepped by so many ms. */
  readonly stepped: (ms: number) => void;
  /** Redis does not tell its time. */
  readonly refused: (error: Error) => void;
  /** Called after every sample. */
  readonly sampled: () => void;
}

const INTERVAL_MS = 60_000;
/** While the clock is not known, or is in doubt: a server that answered nonsense may answer its time next. */
const RETRY_MS = 1000;

/**
 * Sets the clock by that of Redis: on every new connection, once a minute, and within a second when an answer of Redis
 * contradicts it. Returns what stops it.
 */
export function syncClock(redis: Redis, clock: ServiceClock, events: ClockSyncEvents): () => void {
  let askedAt = Number.NEGATIVE_INFINITY;
  const ask = async () => {
    const wasSynced = clock.synced;
    const sentAt = clock.monotonic;
    askedAt = sentAt;
    try {
      const redisMs = milliseconds(await redis.time());
      const stepped = clock.sample(sentAt, redisMs, clock.monotonic);
      if (stepped !== 0) events.stepped(stepped);
    } catch (error) {
      // A connection that broke is asked again when it is ready, and one that answered nonsense before long.
      if (wasSynced || (error as Error).name !== 'ReplyError') return;
      clock.trustWall();
      events.refused(error as Error);
    }
    events.sampled();
    if (!wasSynced) events.synced();
  };
  const onReady = () => {
    clock.unsync();
    void ask();
  };
  redis.on('ready', onReady);
  redis.on('close', () => clock.unsync());
  if (redis.status === 'ready') onReady();
  const timer = setInterval(() => {
    const due = !clock.synced || clock.doubted || clock.monotonic - askedAt >= INTERVAL_MS;
    if (redis.status === 'ready' && due) void ask();
  }, RETRY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** @throws StoreError where this is not an answer to TIME */
function milliseconds(reply: unknown): number {
  const [seconds, microseconds] = Array.isArray(reply) ? reply.map(Number) : [];
  const ms = seconds! * 1000 + microseconds! / 1000;
  if (!(ms > 0))
    throw new StoreError('timeout', 'the reply of Redis does not match the command', { kind: 'garbage' });
  return ms;
}
