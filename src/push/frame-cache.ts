import type { Codec, Encoded } from './codec.ts';

/** Encodes a frame once per codec. */
export class FrameCache {
  readonly #frames = new Map<Codec, Encoded>();
  readonly #make: (codec: Codec) => Encoded;

  constructor(make: (codec: Codec) => Encoded) {
    this.#make = make;
  }

  for(codec: Codec): Encoded {
    let frame = this.#frames.get(codec);
    if (frame === undefined) {
      const made = this.#make(codec);
      frame = typeof made === 'string' ? made : Buffer.from(made);
      this.#frames.set(codec, frame);
    }
    return frame;
  }
}
