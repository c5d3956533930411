/** What the package exports, in browsers and in Node. */

export type { Change, Invalidation, SubscribeOptions, Update } from './change.ts';
export type {
  Client,
  ClientState,
  Condition,
  DeleteOptions,
  ReadOptions,
  Results,
  SetOptions,
  SubscriptionHandle,
  WriteOptions,
  Written,
} from './client.ts';
export type { Codec } from './codec.ts';
export type { Connect } from './connect.ts';
export type * from './data-types.ts';
export { type ClientErrorCode, RatecacheError } from './errors.ts';
export type { Interest } from './interest.ts';
export type { NearCacheOptions, Options, StalePolicy } from './options.ts';
export type { Coherence } from './protocol.ts';
export type { Result, State, Tier } from './result.ts';
export type { Waiting } from './wait.ts';
