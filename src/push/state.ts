import type { Reason } from '../cache/bus.ts';
import type { Entry } from '../cache/entry.ts';
import { type Remarks, ttlOf } from '../cache/results.ts';
import { NotConvertible } from '../codec/errors.ts';
import type { Codec, Encoded } from './codec.ts';

/**
 * A new state of a key, for all its subscribers: a value, or no value (`entry` is undefined). Its frames are encoded
 * once per codec and remaining second of its TTL, on first use; every subscriber receives the same bytes.
 */
export class State {
  readonly key: string;
  readonly entry: Entry | undefined;
  readonly reason: Reason;
  /** The number of earlier states of the same turn that this state replaces. */
  readonly merged: number;
  /** Whether Redis does not have the value yet. */
  readonly isPending: boolean;
  /** Set where the value is not good. */
  readonly remarks: Remarks | undefined;
  readonly #frames = new Map<string, Buffer>();
  readonly #onFault: (error: unknown) => void;

  /** @param onFault receives why the entry cannot be encoded, if that is a fault of the service */
  constructor(
    key: string,
    entry: Entry | undefined,
    reason: Reason,
    merged: number,
    onFault: (error: unknown) => void = rethrow,
    isPending = false,
    remarks?: Remarks,
  ) {
    this.key = key;
    this.entry = entry;
    this.reason = reason;
    this.merged = merged;
    this.#onFault = onFault;
    this.isPending = isPending;
    this.remarks = remarks;
  }

  /** The same state, which replaces more earlier ones. */
  replacing(more: number): State {
    const { key, entry, reason, isPending, remarks } = this;
    return new State(key, entry, reason, this.merged + more, this.#onFault, isPending, remarks);
  }

  /** The key without a value, because a notice has made this value obsolete. */
  obsolete(reason: Reason): State {
    return new State(this.key, undefined, reason, this.merged, this.#onFault);
  }

  /** The same state of a value with this quality. A halted value is not sent. */
  judged(remarks: Remarks): State {
    const { key, entry, merged, isPending } = this;
    const reason = remarks.quality === 'halted' ? 'quality' : this.reason;
    return new State(key, entry, reason, merged, this.#onFault, isPending, remarks);
  }

  /**
   * @param values whether the subscriber wants the value. If the key has no value, or the codec cannot encode it
   *   unchanged, the frame is an `invalidate` without a value.
   * @param merged the number of earlier states that this state replaces for this subscriber
   * @param now the time, in ms
   */
  frame(codec: Codec, values: boolean, merged: number, now: number): Encoded {
    const { entry, remarks } = this;
    const update = values && entry !== undefined && remarks?.quality !== 'halted';
    const ttl = update ? ttlOf(entry, now) : 0;
    // Slow subscribers differ in the number of merged states, so these frames cannot be shared.
    if (merged > this.merged) return this.#encode(codec, update ? entry : undefined, ttl, merged);
    // A slow subscriber may receive the state seconds later, with a shorter TTL.
    const slot = update ? `${codec.name} ${ttl}` : codec.name;
    let frame = this.#frames.get(slot);
    if (frame === undefined) {
      const encoded = this.#encode(codec, update ? entry : undefined, ttl, merged);
      // A Buffer, because uWS would encode a string again for every send.
      frame = Buffer.from(encoded as Uint8Array);
      this.#frames.set(slot, frame);
    }
    return frame;
  }

  #encode(codec: Codec, entry: Entry | undefined, ttl: number, merged: number): Encoded {
    if (entry !== undefined) {
      try {
        const code = this.isPending ? 'l2_unavailable' : undefined;
        return codec.update(this.key, entry, ttl, merged, code, this.remarks);
      } catch (error) {
        // An exception here would end the process: no request waits for a push.
        if (!(error instanceof NotConvertible)) this.#onFault(error);
      }
    }
    return codec.invalidate(this.key, this.reason, merged, this.remarks);
  }
}

function rethrow(error: unknown): never {
  throw error;
}
