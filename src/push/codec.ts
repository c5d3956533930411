import type { CoherenceState, Reason } from '../cache/bus.ts';
import type { Encoding, Entry, Value } from '../cache/entry.ts';
import type { ItemResult } from '../cache/results.ts';
import type { ServiceError } from '../errors.ts';

/** What a client calls its requests by; its answer repeats it. */
export type RequestId = number | string;

/** A request as it was decoded, not checked yet. */
export interface Frame {
  /** Its members. `value` is there where the client sent one; `value()` has its bytes. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The `value` of a set as the bytes that the client sent; undefined where there is none. */
  value(): Value | undefined;
}

/** A key of a snapshot: `entry` where there is a value, `code` where that could not be found out. */
export type SnapshotItem = { readonly key: string } & ({ readonly entry: Entry } | { readonly code: string });

export interface SnapshotPart {
  readonly items: readonly SnapshotItem[];
  readonly values: boolean;
  /** Whether another part follows. */
  readonly more: boolean;
  readonly coherence: CoherenceState;
}

/** Why a client must drop all that it holds. */
export type ResetReason = 'flush' | 'rearmed' | 'degraded' | 'blind';

/** What is sent for a frame: text or bytes, valid until the next frame is encoded. */
export type Encoded = string | Uint8Array;

/**
 * One of the two subprotocols. Both carry the same objects, `docs/websocket.md` lists them; values go in and
 * out as the bytes that they are stored as.
 */
export interface Codec {
  readonly encoding: Encoding;
  /** @throws ServiceError `frame_invalid` */
  decode(message: Buffer): Frame;

  item(id: RequestId, result: ItemResult, now: number, coherence: CoherenceState): Encoded;
  results(id: RequestId, results: readonly ItemResult[], now: number, coherence: CoherenceState): Encoded;
  snapshot(id: RequestId, part: SnapshotPart): Encoded;
  /** @param fields further members */
  done(id: RequestId, fields?: Readonly<Record<string, string | number>>): Encoded;
  failed(id: RequestId | undefined, error: ServiceError): Encoded;

  /** @param merged how many states of the key this one stands for besides itself */
  update(key: string, entry: Entry, merged: number): Encoded;
  invalidate(key: string, reason: Reason, merged: number): Encoded;
  /** @param match `{"pattern": …}` or `{"type": …}` */
  invalidateMatch(match: Readonly<Record<string, string>>, reason: Reason): Encoded;
  reset(reason: ResetReason): Encoded;
}
