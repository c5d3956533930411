import type { Reason } from '../cache/bus.ts';
import type { Entry } from '../cache/entry.ts';
import { NotConvertible } from '../codec/errors.ts';
import type { Codec, Encoded } from './codec.ts';

/**
 * What became of a key, for all of its subscribers: it has a new value, or (`entry` undefined) none any more.
 * The frames are made once for each codec, on first need, and the same bytes go to everyone.
 */
export class State {
  readonly key: string;
  readonly entry: Entry | undefined;
  readonly reason: Reason;
  /** Earlier states of the same turn that it stands for. */
  readonly merged: number;
  readonly #frames = new Map<string, Buffer>();

  constructor(key: string, entry: Entry | undefined, reason: Reason, merged: number) {
    this.key = key;
    this.entry = entry;
    this.reason = reason;
    this.merged = merged;
  }

  /**
   * @param values whether the subscriber wants the new value; it is told without where it has none, or where
   *   its codec cannot hold it unchanged
   * @param merged how many earlier states this one stands for, for this subscriber
   */
  frame(codec: Codec, values: boolean, merged: number): Encoded {
    const { entry } = this;
    const update = values && entry !== undefined;
    // What more was merged differs from one slow subscriber to the next.
    if (merged > this.merged) return this.#encode(codec, update ? entry : undefined, merged);
    const slot = codec.encoding + update;
    let frame = this.#frames.get(slot);
    if (frame === undefined) {
      const encoded = this.#encode(codec, update ? entry : undefined, merged);
      // A string would be encoded again with every send.
      frame = Buffer.from(encoded as Uint8Array);
      this.#frames.set(slot, frame);
    }
    return frame;
  }

  #encode(codec: Codec, entry: Entry | undefined, merged: number): Encoded {
    if (entry !== undefined) {
      try {
        return codec.update(this.key, entry, merged);
      } catch (error) {
        if (!(error instanceof NotConvertible)) throw error;
      }
    }
    return codec.invalidate(this.key, this.reason, merged);
  }
}
