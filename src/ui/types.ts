/** The answers of the service, as far as the page reads them. */
import type { Sample } from '../metrics/sample.ts';

export type { Percentiles, Sample } from '../metrics/sample.ts';

export interface Client {
  readonly name: string;
  readonly scopes: readonly string[];
  /** Null allows every key. */
  readonly prefixes: readonly string[] | null;
}

/** Whether the token of the client has the scope. A service without tokens allows everything. */
export function may(client: Client | null, scope: string): boolean {
  return client === null || client.scopes.includes(scope);
}

/** Whether the client may write this key. */
export function mayWrite(client: Client | null, key: string): boolean {
  const prefixes = client?.prefixes ?? null;
  return may(client, 'write') && (prefixes === null || prefixes.some((prefix) => key.startsWith(prefix)));
}

export interface Source {
  readonly name: string;
  readonly state: 'alive' | 'dead';
  readonly types: readonly string[];
  readonly prefixes: readonly string[];
  readonly heartbeat_at: string;
  readonly dies_at: string;
}

export interface Mark {
  readonly id: string;
  readonly state: 'suspect' | 'halted';
  readonly reason: string;
  readonly keys: readonly string[];
  readonly types: readonly string[];
  readonly prefixes: readonly string[];
  readonly ends_at: string;
}

export interface ServerHealth {
  readonly server?: string;
  readonly connected: boolean;
  readonly response_time_ms: number | null;
  readonly coherence?: string;
  readonly breaker?: string;
  readonly server_info: {
    readonly redis_version?: string;
    readonly connected_clients?: number;
    readonly used_memory_human?: string;
  };
  readonly error?: string;
}

export interface Health {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  readonly mode: string;
  readonly version: string;
  readonly coherence: string;
  readonly redis: ServerHealth & { readonly servers?: readonly ServerHealth[] };
  /** Present in a service with PROCESSES. */
  readonly processes?: readonly unknown[];
  readonly pending_writes?: {
    readonly entries: number;
    readonly bytes: number;
    readonly oldest_age_ms: number | null;
  };
}

export interface HistoryAnswer {
  readonly replica: string;
  readonly interval_seconds: number;
  readonly client: Client | null;
  readonly health: Health;
  readonly samples: readonly Sample[];
}

export interface Others {
  readonly asked: boolean;
  readonly reason?: string;
  readonly silent: number;
  readonly missing: readonly { readonly replica: string; readonly host: string; readonly seen_at: string }[];
}

export interface Replica {
  readonly replica: string;
  readonly host: string;
  readonly pid: number;
  readonly release: string;
  readonly coherence: string;
  readonly lag_ms: number | null;
}

export interface ReplicasAnswer {
  readonly replicas: readonly Replica[];
  readonly others: Others;
}

export interface HotKey {
  readonly key: string;
  readonly per_second: number;
}

export interface HotKeysAnswer {
  readonly reads: readonly HotKey[];
  readonly misses: readonly HotKey[];
}

export interface Facts {
  readonly state: string;
  readonly version?: string;
  readonly stored_at?: string;
  readonly expires_at?: string;
  readonly fresh_until?: string;
  readonly encoding?: string;
  readonly bytes?: number;
  readonly fault?: string;
  readonly source?: string;
  readonly as_of?: string;
}

export interface ExplainedReplica extends Replica {
  readonly l1: Facts;
  readonly why: string;
  /** Absent in releases without marks. */
  readonly quality?: { readonly state: string; readonly reason?: string };
}

export interface Explanation {
  readonly key: string;
  readonly type: string;
  readonly at: string;
  readonly summary: string;
  /** The marks that cover the key. */
  readonly marks: readonly Mark[];
  readonly redis: Facts;
  readonly replicas: readonly ExplainedReplica[];
  readonly others: Others;
}

export interface KeyList {
  readonly keys: readonly { readonly key: string; readonly type: string; readonly ttl: number | null }[];
  readonly cursor: string | null;
}

export const TYPES = [
  'borrow_rate',
  'volatility',
  'event_risk',
  'broker_config',
  'calculation',
  'min_rate',
  'other',
];
