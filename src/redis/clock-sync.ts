import type { Redis } from 'ioredis';
import type { ServiceClock } from '../cache/clock.ts';

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

/** Sets the clock by that of Redis: on every new connection, and once a minute. Returns what stops it. */
export function syncClock(redis: Redis, clock: ServiceClock, events: ClockSyncEvents): () => void {
  const ask = async () => {
    const wasSynced = clock.synced;
    const sentAt = clock.monotonic;
    try {
      const [seconds, microseconds] = await redis.time();
      const stepped = clock.sample(
        sentAt,
        Number(seconds) * 1000 + Number(microseconds) / 1000,
        clock.monotonic,
      );
      if (stepped !== 0) events.stepped(stepped);
    } catch (error) {
      // A connection that broke is asked again when it is ready.
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
    if (redis.status === 'ready') void ask();
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
