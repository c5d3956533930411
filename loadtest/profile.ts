import type { GateName } from './gates.ts';
import type { Load } from './result.ts';

/** One question to the service, as data: the stored values, the requests, and the gates for the answers. */
export interface Profile {
  readonly name: string;
  /** One sentence that ends with a question mark. */
  readonly question: string;
  readonly load: Load;
  readonly data: Data;
  readonly traffic: Traffic;
  /** In addition to `samples` and `generator`, which every profile has. gates.ts has the limits. */
  readonly gates: readonly GateName[];
  /** Variables of the service, instead of their defaults. */
  readonly env?: Readonly<Record<string, string>>;
  readonly faults?: readonly ProfileFault[];
}

/** The values in Redis when the service starts. L1 is empty. */
export interface Data {
  readonly symbols: number;
  readonly types: readonly DataType[];
  /** Size of a `calculation` in bytes. */
  readonly valueBytes?: number;
}

/** The keys that the price of one locate needs. */
export const QUOTE_TYPES = ['borrow_rate', 'volatility', 'event_risk', 'broker_config', 'min_rate'] as const;

export const DATA_TYPES = [...QUOTE_TYPES, 'calculation'] as const;

export type DataType = (typeof DATA_TYPES)[number];

export type Traffic =
  | { readonly kind: 'mix'; readonly over: 'http' | 'websocket'; readonly parts: readonly Part[] }
  /** `size` requests at once read one key that no request has read before. */
  | { readonly kind: 'stampede'; readonly size: number }
  /** Updates of `keys` keys, each pushed to every subscriber. `connections` is the number of subscribers. */
  | { readonly kind: 'push'; readonly keys: number };

export interface Part {
  /** `quote` is an `mget` of the five keys of a quote; `invalidate` deletes all rates with one first letter. */
  readonly op: 'get' | 'set' | 'quote' | 'invalidate';
  /** Relative to the shares of the other parts. */
  readonly share: number;
  /** For `get` and `set`. Default: `borrow_rate`. */
  readonly type?: DataType;
  /** How symbols are drawn. */
  readonly draw: 'zipf' | 'uniform';
}

/** Redis is killed, or restarts without data, after the share `at` of the measured part. */
export interface ProfileFault {
  readonly at: number;
  readonly what: 'redis killed' | 'redis back';
}
