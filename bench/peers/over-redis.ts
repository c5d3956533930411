import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import type { Running } from '../compare/contender.ts';

/** Starts a contender over a Redis of its own, which takes part in its answers and ends after it. */
export async function overRedis(start: (redis: RedisServer) => Promise<Running>): Promise<Running> {
  const redis = await startRedis();
  try {
    const running = await start(redis);
    return {
      ...running,
      pids: [...running.pids, redis.pid],
      stop: async () => {
        await running.stop();
        await redis.stop();
      },
    };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}
