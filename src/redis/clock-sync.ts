import type { Redis } from 'ioredis';
import type { ServiceClock } from '../cache/clock.ts';
import { StoreError } from '../cache/store.ts';

export interface ClockSyncEvents {
  /** The clock was set by the Redis of a new connection. The connection can be used from now on. */
  readonly synced: () => void;
  /** The clock was stepped by `ms`. */
  readonly stepped: (ms: number) => void;
  /** Redis refuses `TIME`. */
  readonly refused: (error: Error) => void;
  /** Called after every sample. @param sample undefined where Redis refuses `TIME` */
  readonly sampled: (sample: ClockSample | undefined) => void;
}

/** One `TIME` command, with the parameters of `ServiceClock.sample`. */
export type ClockSample = readonly [sentAt: number, redisMs: number, receivedAt: number];

const INTERVAL_MS = 60_000;
/** The interval while the clock is not synced or is in doubt. */
const RETRY_MS = 1000;

/**
 * Sets the clock by Redis's clock: on every new connection, once a minute, and within a second after a reply of Redis
 * contradicts the clock. Returns a function that stops it.
 */
export function syncClock(redis: Redis, clock: ServiceClock, events: ClockSyncEvents): () => void {
  let lastSentAt = Number.NEGATIVE_INFINITY;
  const sample = async () => {
    const wasSynced = clock.synced;
    const sentAt = clock.monotonic;
    lastSentAt = sentAt;
    let taken: ClockSample | undefined;
    try {
      const redisMs = milliseconds(await redis.time());
      taken = [sentAt, redisMs, clock.monotonic];
      const stepped = clock.sample(...taken);
      if (stepped !== 0) events.stepped(stepped);
    } catch (error) {
      // Only an error reply means that Redis refuses `TIME`. After any other failure the next sample follows soon.
      if (wasSynced || (error as Error).name !== 'ReplyError') return;
      clock.trustWall();
      events.refused(error as Error);
    }
    events.sampled(taken);
    if (!wasSynced) events.synced();
  };
  const onReady = () => {
    clock.unsync();
    void sample();
  };
  redis.on('ready', onReady);
  redis.on('close', () => clock.unsync());
  if (redis.status === 'ready') onReady();
  const timer = setInterval(() => {
    const due = !clock.synced || clock.doubted || clock.monotonic - lastSentAt >= INTERVAL_MS;
    if (redis.status === 'ready' && due) void sample();
  }, RETRY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Converts a reply to `TIME`. @throws StoreError where the reply does not match the command */
function milliseconds(reply: unknown): number {
  const [seconds, microseconds] = Array.isArray(reply) ? reply.map(Number) : [];
  const ms = seconds! * 1000 + microseconds! / 1000;
  if (!(ms > 0))
    throw new StoreError('timeout', 'the reply of Redis does not match the command', { kind: 'garbage' });
  return ms;
}
