/** Where the connections of a service lead, from its configuration. */
import type { Config } from '../config/config.ts';
import type { OpenRedis, RedisAddress } from '../redis/connect.ts';
import type { HostAndPort, InfoFields, Route } from '../redis/connector.ts';
import { Credentials } from '../redis/credentials.ts';
import { Sentinels } from '../redis/sentinels.ts';

export interface RedisTargetDeps {
  readonly open: OpenRedis;
  /** The password file cannot be used. */
  readonly onPasswordFault: (error: Error) => void;
  /** The Sentinels name another master. */
  readonly onSwitch: (master: HostAndPort) => void;
}

export interface RedisTarget {
  readonly address: RedisAddress;
  /** Ends the connections to Sentinels. */
  readonly close: () => void;
}

export function targetOf(redis: NonNullable<Config['redis']>, deps: RedisTargetDeps): RedisTarget {
  const { topology, tls, username, db, connectTimeoutMs } = redis;
  const credentials = new Credentials({
    username,
    password: redis.password?.reveal(),
    file: redis.passwordFile,
    onFault: deps.onPasswordFault,
  });
  /** Adds the settings that all topologies share. The password is read at each access. */
  const address = (route: HostAndPort | Pick<Route, 'locate' | 'refuse'>): RedisAddress => ({
    ...route,
    username,
    get password() {
      return credentials.password;
    },
    db,
    tls,
    connectTimeoutMs,
  });
  switch (topology.kind) {
    case 'single':
      return { address: address(topology), close: () => {} };
    case 'sentinel': {
      const { sentinels, name, username, password } = topology;
      const finder = new Sentinels(
        { sentinels, name, username, password: password?.reveal() || undefined, tls, connectTimeoutMs },
        deps,
      );
      return {
        address: address({
          locate: finder.locate,
          refuse: (info, server) => {
            const reason = refuseReplica(info, server);
            if (reason !== undefined) finder.refused(server);
            return reason;
          },
        }),
        close: () => finder.close(),
      };
    }
    case 'cluster':
      throw new Error('a Redis Cluster has a target for each of its nodes');
  }
}

/** After a failover, a Sentinel that was cut off, or a master that returns, may still name the old master. */
function refuseReplica({ role }: InfoFields, { host, port }: HostAndPort): string | undefined {
  return role === 'slave'
    ? `${host}:${port} is a replica, although the Sentinels name it as the master`
    : undefined;
}
