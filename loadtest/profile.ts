import type { GateName } from './gates.ts';

/** One question to the service, as data: what is in it, what is asked of it, and what the answer must hold. */
export interface Profile {
  readonly name: string;
  /** In one sentence, ending in a question mark. */
  readonly question: string;
  readonly load: ProfileLoad;
  readonly data: Data;
  readonly traffic: Traffic;
  /** Besides `samples` and `generator`, which every profile has. Their limits are in gates.ts. */
  readonly gates: readonly GateName[];
  /** Variables of the service that differ from their defaults. */
  readonly env?: Readonly<Record<string, string>>;
  readonly faults?: readonly ProfileFault[];
}

export interface ProfileLoad {
  readonly kind: 'open' | 'closed';
  readonly connections: number;
  /** Offered requests a second, of `push` updates; null for a closed load. */
  readonly ratePerSecond: number | null;
  /** Sent before the measured part begins. */
  readonly warmupSeconds: number;
  readonly seconds: number;
}

/** What Redis holds when the service starts. L1 is empty. */
export interface Data {
  readonly symbols: number;
  readonly types: readonly DataType[];
  /** Size of a `calculation` in bytes. */
  readonly valueBytes?: number;
}

/** What the price of one locate takes. */
export const QUOTE_TYPES = ['borrow_rate', 'volatility', 'event_risk', 'broker_config', 'min_rate'] as const;

export const DATA_TYPES = [...QUOTE_TYPES, 'calculation'] as const;

export type DataType = (typeof DATA_TYPES)[number];

export type Traffic =
  | { readonly kind: 'mix'; readonly over: 'http' | 'websocket'; readonly parts: readonly Part[] }
  /** Every `size` requests that are due at one instant ask for one key, which nobody asked for before. */
  | { readonly kind: 'stampede'; readonly size: number }
  /** Updates of `keys` keys, each pushed to every subscriber. `connections` is how many those are. */
  | { readonly kind: 'push'; readonly keys: number };

export interface Part {
  /** `quote` is an `mget` of the five keys that a quote needs; `invalidate` all rates of one first letter. */
  readonly op: 'get' | 'set' | 'quote' | 'invalidate';
  /** In relation to those of the other parts. */
  readonly share: number;
  /** Of `get` and `set`; by default `borrow_rate`. */
  readonly type?: DataType;
  /** How symbols are drawn. */
  readonly draw: 'zipf' | 'uniform';
}

/** Redis is killed, or comes back empty, when this share of the measured part is over. */
export interface ProfileFault {
  readonly at: number;
  readonly what: 'redis killed' | 'redis back';
}
