import type { Redis } from 'ioredis';

/** How often an idle connection sends PING. */
const EVERY_MS = 1000;

/**
 * Sends PING on a connection that is otherwise idle. A server with the setting `timeout` closes idle connections, and a
 * connection that became half open is only noticed when a reply is due. Redis never closes a subscriber for idleness.
 */
export function keepOpen(redis: Redis): void {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => clearInterval(timer);
  redis.on('ready', () => {
    stop();
    timer = setInterval(() => {
      const { commandQueue } = redis as unknown as { commandQueue: { length: number } };
      if (redis.status === 'ready' && redis.mode !== 'subscriber' && commandQueue.length === 0)
        redis.ping().catch(() => {});
    }, EVERY_MS);
    timer.unref();
  });
  redis.on('close', stop);
}
