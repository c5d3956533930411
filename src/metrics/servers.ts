import type { CoherenceState } from '../cache/bus.ts';
import type { RedisInfo, RedisStatus } from '../redis/info.ts';
import type { KeyCounter } from '../redis/key-counter.ts';
import type { Sample } from './scraped.ts';

/** A master of a Cluster, as reports read it. */
export interface ServerSource {
  /** Its address, as `host:port`. */
  readonly name: string;
  readonly info: Pick<RedisInfo, 'status'>;
  readonly keyCounter: Pick<KeyCounter, 'latest'>;
  readonly coherence: CoherenceState;
  /** Why the invalidation link is not connected; empty if it is. */
  readonly linkFault: string;
  readonly breakerOpen: boolean;
  /** The clock of the master minus the clock of this machine, in ms. */
  readonly clockOffsetMs: number;
}

/** A master in the body of `/health`. */
export interface ServerHealth {
  readonly server: string;
  readonly connected: boolean;
  readonly response_time_ms: number | null;
  readonly coherence: CoherenceState;
  readonly breaker: 'open' | 'closed';
  readonly clock_offset_ms: number;
  readonly server_info: RedisStatus['server_info'];
  /** Why it is not connected; absent if it is. */
  readonly error?: string;
  /** Why the invalidation link is not connected; absent if it is. */
  readonly link_error?: string;
}

export async function serverHealth({
  name,
  info,
  coherence,
  linkFault,
  breakerOpen,
  clockOffsetMs,
}: ServerSource): Promise<ServerHealth> {
  const status = await info.status();
  const { connected, response_time_ms, server_info } = status;
  return {
    server: name,
    connected,
    response_time_ms,
    coherence,
    breaker: breakerOpen ? 'open' : 'closed',
    clock_offset_ms: Math.round(clockOffsetMs),
    server_info,
    ...(status.connected ? {} : { error: status.error }),
    ...(linkFault === '' ? {} : { link_error: linkFault }),
  };
}

/** A master in the body of `/stats`. */
export interface ServerStats {
  readonly server: string;
  readonly connected: boolean;
  /** Null if the keys have not been counted. */
  readonly keys_count: number | null;
  /** `unknown` if the master does not answer INFO. */
  readonly memory_used: string;
}

export async function serverStats({ name, info, keyCounter }: ServerSource): Promise<ServerStats> {
  const { connected, server_info } = await info.status();
  return {
    server: name,
    connected,
    keys_count: keyCounter.latest()?.total ?? null,
    memory_used: server_info.used_memory_human ?? 'unknown',
  };
}

/** Adds the label `server` to each sample. */
export function labelled(name: string | undefined, samples: readonly Sample[]): readonly Sample[] {
  if (name === undefined) return samples;
  return samples.map((sample) => ({ ...sample, labels: { ...sample.labels, server: name } }));
}
