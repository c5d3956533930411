/** The target of a fault of a group of Sentinels: two replicas of the service on one master with two replicas. */
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { type SentinelGroup, startSentinels } from '../../loadtest/target/sentinel.ts';
import { startService } from '../../loadtest/target/service.ts';
import { connectToMaster } from '../support/sentinel-connection.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { ENV, type Stage } from './stage.ts';

export interface SentinelStage extends Stage {
  readonly group: SentinelGroup;
  /** The master at the start. */
  readonly victim: RedisServer;
  /** Clients, replicas and Sentinels reach the victim through this proxy. */
  readonly front: TcpProxy;
}

export interface SentinelStageOptions {
  /** Variables of the service in addition. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function openSentinelStage({ env = {} }: SentinelStageOptions = {}): Promise<SentinelStage> {
  const opened: (() => unknown)[] = [];
  const close = async () => {
    for (const each of opened.reverse()) await each();
  };
  try {
    let front: TcpProxy | undefined;
    const group = await startSentinels({
      args: ['--enable-debug-command', 'yes'],
      front: async (master) => {
        const proxy = await startTcpProxy(master);
        opened.push(() => proxy.close());
        front = proxy;
        return proxy.port;
      },
    });
    opened.push(() => group.stop());
    const connection = await connectToMaster(group);
    opened.push(() => connection.disconnect());
    const replicas = await Promise.all(
      [1, 2].map(() => startService({ env: { ...ENV, ...group.env, ...env } })),
    );
    for (const replica of replicas) opened.push(() => replica.stop('SIGKILL'));
    await Promise.all(replicas.map(reachesRedis));
    return {
      group,
      victim: group.servers[0]!,
      front: front!,
      connection,
      replicas,
      pids: () => [...replicas.flatMap(({ pids }) => pids()), ...group.servers.map(({ pid }) => pid)],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
