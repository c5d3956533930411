import type { GateLimits, GateName } from './gates.ts';
import type { FaultSeen, Load } from './result.ts';

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
  /** Limits that replace those of gates.ts. */
  readonly limits?: GateLimits;
  /** Variables of the service, instead of their defaults. */
  readonly env?: Readonly<Record<string, string>>;
  readonly faults?: readonly ProfileFault[];
}

/** The values in Redis when the service starts. L1 is empty. */
export interface Data {
  readonly symbols: number;
  readonly types: readonly DataType[];
  /** Size of a `calculation`, or of each value of `listed`, in bytes. */
  readonly valueBytes?: number;
  /** Names of the symbols, instead of generated names. */
  readonly names?: readonly string[];
  /** Names of the brokers, instead of generated names. */
  readonly brokers?: readonly string[];
  /** Whole keys, instead of symbols and types. */
  readonly listed?: Listed;
}

export interface Listed {
  /** Most popular first. */
  readonly keys: readonly string[];
  /** How often each key is drawn, relative to the others. */
  readonly weights?: readonly number[];
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
  /**
   * `quote` is an `mget` of the five keys of a quote; `invalidate` deletes all rates with one first letter. Listed keys
   * have `get`, `set`, `mget` and `delete`.
   */
  readonly op: 'get' | 'set' | 'quote' | 'invalidate' | 'mget' | 'delete';
  /** Relative to the shares of the other parts. */
  readonly share: number;
  /** For `get` and `set`. Default: `borrow_rate`. */
  readonly type?: DataType;
  /** Number of keys of an `mget`. */
  readonly size?: number;
  /** How symbols or keys are drawn; `weighted` by the weights of listed keys. */
  readonly draw: 'zipf' | 'uniform' | 'weighted';
}

/** Whether a part changes the data of the service. */
export function isWrite({ op }: Part): boolean {
  return op === 'set' || op === 'delete' || op === 'invalidate';
}

/** Redis is killed, or restarts without data, after the share `at` of the measured part. */
export interface ProfileFault {
  readonly at: number;
  readonly what: FaultSeen['what'];
}
