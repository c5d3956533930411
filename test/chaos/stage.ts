/** The target of a fault: two replicas on a Redis, with a proxy and a garbler before the first replica. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type Garbler, startGarbler } from './garbler.ts';

/** What the load and the checks need of a target. */
export interface Stage {
  /** Commands as a test user that no fault affects. */
  readonly connection: Connection;
  readonly replicas: readonly Service[];
  /** The process ids of the replicas and of Redis. */
  readonly pids: () => readonly number[];
  readonly close: () => Promise<void>;
}

/** Redis as another program uses it. */
export type Connection = Pick<Redis, 'mgetBuffer' | 'callBuffer'>;

/** One server. */
export interface ServerStage extends Stage {
  readonly redis: Pick<Awaited<ReturnType<typeof startRedis>>, 'signal' | 'restart'>;
  /** Sends a command as a test user that no fault affects. Waits until Redis is reachable. */
  readonly control: (...command: (string | number)[]) => Promise<unknown>;
  /** The connection of `control`. */
  readonly connection: Redis;
  /** The proxy between the first replica and Redis; the second replica connects directly. */
  readonly proxy: TcpProxy;
  readonly garbler: Garbler;
  /** Restarts Redis after a kill, with its data or empty. */
  readonly bringBack: (withData: boolean) => Promise<void>;
}

export const PASSWORD = 'chaos';
const CONTROL = { username: 'control', password: 'control' };

export interface StageOptions {
  /** Whether Redis requires a password. */
  readonly password: boolean;
}

export const ENV = {
  SHUTDOWN_GRACE_MS: '0',
  // So short that many reads use Redis; with the default most reads would be L1 hits during a fault.
  LOCAL_CACHE_TTL: '1',
  LOCAL_CACHE_MAX_SIZE: '10000',
  // The load does not overload the service, but a busy machine could make it shed requests.
  OVERLOAD_LOOP_DELAY_MS: '0',
};

export async function openStage({ password }: StageOptions): Promise<ServerStage> {
  const opened: (() => unknown)[] = [];
  const close = async () => {
    for (const each of opened.reverse()) await each();
  };
  try {
    const redis = await startRedis({
      ...(password ? { password: PASSWORD } : {}),
      args: [
        ...['--user', CONTROL.username, 'on', `>${CONTROL.password}`, '~*', '&*', '+@all'],
        ...['--appendonly', 'yes', '--enable-debug-command', 'yes', '--busy-reply-threshold', '100'],
      ],
    });
    opened.push(() => redis.stop());
    const connection = new Redis({
      ...CONTROL,
      host: '127.0.0.1',
      port: redis.port,
      retryStrategy: () => 20,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
    });
    connection.on('error', () => {});
    opened.push(() => connection.disconnect());
    const control: ServerStage['control'] = async (name, ...args) => {
      await until(() => connection.status === 'ready');
      return connection.call(String(name), args);
    };
    const dir = ((await control('CONFIG', 'GET', 'dir')) as string[])[1]!;

    const garbler = await startGarbler(redis);
    opened.push(() => garbler.close());
    const proxy = await startTcpProxy(garbler);
    opened.push(() => proxy.close());
    const replicas = await Promise.all(
      [proxy.port, redis.port].map((port) =>
        startService({
          env: {
            ...ENV,
            REDIS_HOST: '127.0.0.1',
            REDIS_PORT: String(port),
            REDIS_PASSWORD: password ? PASSWORD : '',
          },
        }),
      ),
    );
    for (const replica of replicas) opened.push(() => replica.stop('SIGKILL'));
    await Promise.all(replicas.map(reachesRedis));
    return {
      redis,
      control,
      connection,
      proxy,
      garbler,
      replicas,
      pids: () => [...replicas.flatMap(({ pids }) => pids()), redis.pid],
      async bringBack(withData) {
        if (!withData) await rm(`${dir}/appendonlydir`, { recursive: true, force: true });
        await redis.restart();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Kills every connection of the replicas with this name. */
export async function killConnections({ control }: ServerStage, name: string): Promise<void> {
  const list = String(await control('CLIENT', 'LIST'));
  for (const line of list.split('\n')) {
    const id = /\bid=(\d+)/.exec(line)?.[1];
    if (id !== undefined && line.includes(`name=${name}`)) await control('CLIENT', 'KILL', 'ID', id);
  }
}

/** Repeats `step` for `forMs`. */
export async function again(everyMs: number, forMs: number, step: () => unknown): Promise<void> {
  for (const end = performance.now() + forMs; performance.now() < end; await sleep(everyMs)) await step();
}
