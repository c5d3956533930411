/** The masters of a Cluster as one Redis, for reports that do not list them. */
import { TYPES } from '../../key.ts';
import type { RedisDetails, RedisStatus } from '../info.ts';
import type { KeyCounts } from '../key-counter.ts';
import type { Address } from './address.ts';

/** `connected` is true while every master answers. */
export function combinedStatus(masters: readonly (readonly [Address, RedisStatus])[]): RedisStatus {
  const up = masters.map(([, status]) => status).filter((status) => status.connected);
  if (masters.length === 0) return gone('the masters of the Cluster are not known yet');
  if (up.length < masters.length) {
    const down = masters.flatMap(([address, status]) =>
      status.connected ? [] : [`${address}: ${status.error}`],
    );
    return gone(`${down.length} of ${masters.length} masters do not answer: ${down.join('; ')}`);
  }
  const described = up.flatMap(({ details }) => details ?? []);
  const sum = (of: (info: (typeof up)[number]['server_info']) => number | undefined) =>
    up.reduce((total, { server_info }) => total + (of(server_info) ?? 0), 0);
  const details = described.length < up.length ? undefined : described.reduce(added);
  return {
    connected: true,
    response_time_ms: Math.max(...up.map(({ response_time_ms }) => response_time_ms)),
    server_info:
      details === undefined
        ? {}
        : {
            redis_version: [...new Set(up.map(({ server_info }) => server_info.redis_version))].join(', '),
            uptime_in_seconds: Math.min(
              ...up.map(({ server_info }) => server_info.uptime_in_seconds ?? Number.POSITIVE_INFINITY),
            ),
            connected_clients: sum((info) => info.connected_clients),
            used_memory_human: `${(details.usedMemoryBytes / 1024 ** 2).toFixed(2)}M`,
          },
    replica: false,
    details,
  };
}

/** Returns undefined while a master has not been counted. */
export function combinedCounts(counts: readonly (KeyCounts | undefined)[]): KeyCounts | undefined {
  const known = counts.filter((each) => each !== undefined);
  if (known.length === 0 || known.length < counts.length) return undefined;
  return {
    total: known.reduce((total, each) => total + each.total, 0),
    byType: TYPES.map((_, type) => known.reduce((total, each) => total + each.byType[type]!, 0)),
    countedAt: Math.min(...known.map(({ countedAt }) => countedAt)),
  };
}

function added(a: RedisDetails, b: RedisDetails): RedisDetails {
  return {
    usedMemoryBytes: a.usedMemoryBytes + b.usedMemoryBytes,
    maxMemoryBytes: a.maxMemoryBytes + b.maxMemoryBytes,
    maxClients: a.maxClients + b.maxClients,
    evictedKeys: a.evictedKeys + b.evictedKeys,
    expiredKeys: a.expiredKeys + b.expiredKeys,
    keyspaceHits: a.keyspaceHits + b.keyspaceHits,
    keyspaceMisses: a.keyspaceMisses + b.keyspaceMisses,
    commands: [...a.commands, ...b.commands],
  };
}

function gone(error: string): RedisStatus {
  return { connected: false, response_time_ms: null, server_info: {}, error };
}
