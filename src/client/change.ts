import type { Quality } from './result.ts';

/** A new value of a key. */
export interface Update<Value = unknown> {
  readonly kind: 'update';
  readonly key: string;
  readonly value: Value;
  readonly version: string;
  /** When the data is from, in ms since 1970; undefined if its writer did not say. */
  readonly asOf: number | undefined;
  /** Who supplied the data; undefined if its writer did not say. */
  readonly source: string | undefined;
  /** What the service thinks of the value. */
  readonly quality: Quality;
  /** Why the value is not good; undefined for a good one. */
  readonly qualityReason: string | undefined;
  /** The age of the data in ms, as in a result; undefined if another program wrote the value. */
  readonly age: number | undefined;
  /** Earlier states of the key that this one replaces. */
  readonly merged: number;
  /** Set if the value is pending or may be stale. */
  readonly code: string | undefined;
  /**
   * Whether a snapshot reported the value: the first one, with the option `initial`, or the one after a reconnect, for
   * a change in between.
   */
  readonly fromSnapshot: boolean;
}

/** The last known value of a key is not valid any more. Read the key to learn whether it has another. */
export interface Invalidation {
  readonly kind: 'invalidate';
  readonly key: string;
  /** As in `docs/websocket.md`; `missed` if the key lost its value while there was no connection. */
  readonly reason: string;
  readonly merged: number;
  /** `halted` if a mark halts the key. */
  readonly quality: 'suspect' | 'halted' | undefined;
  readonly qualityReason: string | undefined;
  readonly fromSnapshot: boolean;
}

export type Change<Value = unknown> = Update<Value> | Invalidation;

export interface SubscribeOptions {
  /** Whether the handler receives the values that the keys have now. Default: false. */
  readonly initial?: boolean;
  /** The service sends at most one state of a key in this time, in ms. */
  readonly interval?: number;
}
