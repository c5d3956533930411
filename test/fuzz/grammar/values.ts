import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { below, type Random, seeded } from '../../../loadtest/support/random.ts';
import { MsgpackWriter } from '../../../src/codec/msgpack-write.ts';
import { type Model, model, spelled, write } from '../../codec/arbitraries.ts';

/** Making a value takes longer than sending it, so a seed has this many. Mutations make them different. */
const POOL = 1000;

const writer = new MsgpackWriter();

/** Valid values of a seed, from the grammar of the codec's own tests. Each is made when it is first needed. */
export class Values {
  readonly #seed: number;
  readonly #pool: Model[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  any(random: Random): Model {
    const place = below(POOL, random);
    const made = this.#pool[place] ?? fc.sample(model, { seed: this.#seed * POOL + place, numRuns: 1 })[0]!;
    this.#pool[place] = made;
    return made;
  }
}

/** JSON text of a value, in any spelling. */
export function jsonOf(value: Model, random: Random): Buffer {
  return Buffer.from(
    spelled(
      value,
      [1, 2, 3, 4, 5].map(() => Math.floor(random() * 12)),
    ),
  );
}

export function msgpackOf(value: Model): Buffer {
  writer.reset();
  write(writer, value);
  return writer.take();
}

/** The random numbers of one input. */
export function randomOf(seed: number, kind: string, index: number): Random {
  return seeded(crc32(`${seed} ${kind} ${index}`));
}

/** True in one of `n` cases, on average. */
export function oneIn(n: number, random: Random): boolean {
  return random() * n < 1;
}
