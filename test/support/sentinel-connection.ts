import { once } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import type { SentinelGroup } from '../../loadtest/target/sentinel.ts';

/** A connection of another program, which follows the Sentinels to the master and fails at once without one. */
export async function connectToMaster(
  { env }: SentinelGroup,
  options: Pick<RedisOptions, 'connectionName' | 'autoResendUnfulfilledCommands'> = {},
): Promise<Redis> {
  const connection = new Redis({
    sentinels: env.REDIS_SENTINELS!.split(',').map((address) => {
      const [host, port] = address.split(':');
      return { host: host!, port: Number(port) };
    }),
    name: env.REDIS_SENTINEL_NAME!,
    replyMapping: 'legacy',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 20,
    sentinelRetryStrategy: () => 20,
    ...options,
  });
  connection.on('error', () => {});
  await once(connection, 'ready');
  return connection;
}
