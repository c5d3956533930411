import { RateLimited } from '../access/rate-limit.ts';
import type { CoherenceState, Reason } from '../cache/bus.ts';
import type { Encoding, Entry, Value } from '../cache/entry.ts';
import type { AnswerLimit, ItemResult, Remarks } from '../cache/results.ts';
import type { ErrorCode, ServiceError } from '../errors.ts';
import type { Position } from './history.ts';
import type { PlainGet } from './plain-get.ts';

/** The most members and elements of a frame outside of its value. */
export const MAX_FRAME_ITEMS = 250_000;

/** When a client may repeat a request that the service refused because of overload. */
const OVERLOADED_MS = 1000;

/** Why a request failed. `age` is of `terms_not_met`: how old the data is, in seconds. */
export interface Failure {
  readonly code: string;
  readonly detail: string;
  readonly field?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly age?: number | undefined;
}

export function failureOf(error: ServiceError): Failure {
  return { code: error.code, detail: error.message, field: error.field, retryAfterMs: retryAfterMsOf(error) };
}

function retryAfterMsOf(error: ServiceError): number | undefined {
  if (error.code === 'overloaded') return OVERLOADED_MS;
  return error instanceof RateLimited ? error.retryAfterMs : undefined;
}

/** The id of a request, chosen by the client. The answer repeats it. */
export type RequestId = number | string;

/** A decoded request, not validated yet. */
export interface Frame {
  /** The members of the request. Use `value()` for the bytes of the member `value`. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The `value` of a `set`, as the bytes that the client sent; undefined if the request has no value. */
  value(): Value | undefined;
}

/**
 * A key of a snapshot. `entry` is its value. `code` says why the value is missing, or why it may be stale. A key without a
 * value is in the snapshot only if the client resumes, with the code `cache_miss`.
 */
export interface SnapshotItem {
  readonly key: string;
  readonly entry?: Entry;
  readonly code?: string | undefined;
  readonly remarks?: Remarks | undefined;
}

export interface SnapshotPart {
  readonly items: readonly SnapshotItem[];
  readonly values: boolean;
  /** The time, for the TTLs of the entries. */
  readonly now: number;
  /** Whether the snapshot has only what changed since the client's position; undefined without a position. */
  readonly resumed: boolean | undefined;
  /** Whether another part follows. */
  readonly more: boolean;
  readonly coherence: CoherenceState;
}

/** Why a client must drop all its entries. */
export type ResetReason = 'flush' | 'rearmed' | 'degraded' | 'blind';

/** What a heartbeat reports. The client has received all changes before its position. */
export interface Beat extends Position {
  readonly coherence: CoherenceState;
  /** The time of the service, in ms since the epoch. */
  readonly time: number;
}

/** An encoded frame, as text or bytes. It is valid until the next frame is encoded. */
export type Encoded = string | Uint8Array;

/**
 * One of the two subprotocols, or the format of event streams. All carry the same objects, which `docs/websocket.md` lists.
 * Values are sent and received as the bytes that the cache stores.
 */
export interface Codec {
  /** Differs for each codec. */
  readonly name: string;
  readonly encoding: Encoding;
  /** @throws ServiceError `frame_invalid` */
  decode(message: Buffer): Frame;
  /** Returns the request if the frame is a plain `get`, which needs no decoding. */
  plainGet(message: Buffer): PlainGet | undefined;

  item(id: RequestId, result: ItemResult, now: number, coherence: CoherenceState): Encoded;
  results(
    id: RequestId,
    results: readonly ItemResult[],
    now: number,
    coherence: CoherenceState,
    limit: AnswerLimit,
  ): Encoded;
  snapshot(id: RequestId, part: SnapshotPart): Encoded;
  /** @param fields additional members */
  done(id: RequestId, fields?: Readonly<Record<string, string | number>>): Encoded;
  failed(id: RequestId | undefined, error: ServiceError): Encoded;

  /**
   * @param ttl the remaining time to live of the entry, in seconds
   * @param merged the number of earlier states of the key that this state replaces
   * @param code set where the value is pending
   */
  update(
    key: string,
    entry: Entry,
    ttl: number,
    merged: number,
    code?: ErrorCode,
    remarks?: Remarks,
  ): Encoded;
  invalidate(key: string, reason: Reason, merged: number, remarks?: Remarks): Encoded;
  /** @param match `{"pattern": …}` or `{"type": …}` */
  invalidateMatch(match: Readonly<Record<string, string>>, reason: Reason): Encoded;
  reset(reason: ResetReason): Encoded;
  heartbeat(beat: Beat): Encoded;
}
