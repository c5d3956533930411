/** A borrow rate. The loader of a broker's file stores `fee_rate`; other writers store `rate`. */
export interface BorrowRate {
  readonly rate?: number;
  readonly fee_rate?: number | null;
  readonly [member: string]: unknown;
}

export interface Volatility {
  readonly volatility: number;
  readonly [member: string]: unknown;
}

export interface EventRisk {
  readonly risk: number;
  readonly [member: string]: unknown;
}

export interface BrokerConfig {
  readonly markup: number;
  readonly fee: number;
  readonly [member: string]: unknown;
}

/**
 * The type of the value of each data type. The service stores any value: these are the types that the compiler assumes.
 * Register your own data types, with a name before the first `:` of their keys:
 *
 *     declare module 'ratecache-client' {
 *       interface DataTypes {
 *         locate_fee: { readonly fee: number };
 *       }
 *     }
 */
export interface DataTypes {
  borrow_rate: BorrowRate;
  volatility: Volatility;
  event_risk: EventRisk;
  broker_config: BrokerConfig;
  min_rate: number;
}

/** The type of the value of a key: `BorrowRate` for `borrow_rate:…`, and `unknown` for a key of an unknown type. */
export type ValueOf<Key extends string> = Key extends `${infer Type}:${string}`
  ? Type extends keyof DataTypes
    ? DataTypes[Type]
    : unknown
  : unknown;
