import { seeded, shuffled } from '../../loadtest/support/random.ts';
import { zipf as ranks } from '../../loadtest/traffic/zipf.ts';

const SEED = 1;
/** A power of two, so that a mask takes the place of a division. */
const LENGTH = 1 << 17;

/**
 * `length` indexes below `keys`, drawn as readers draw keys, and the same ones in every run. Popular indexes are spread
 * over all: neighbours in an array are neighbours in memory, and popular keys of a real cache are not.
 */
export function zipf(keys: number, length: number): Uint32Array {
  const random = seeded(SEED);
  const byRank = shuffled([...Array(keys).keys()], random);
  const draw = ranks(keys, random);
  return Uint32Array.from({ length }, () => byRank[draw()]!);
}

/** `count` of the items, Zipf-distributed. */
export function drawn<T>(items: readonly T[], count: number): T[] {
  return Array.from(zipf(items.length, count), (index) => items[index]!);
}

/** The keys of many reads, in their order. */
export function keyStreamOf(keys: readonly string[]): string[] {
  return drawn(keys, LENGTH);
}

/** The key of the i-th read, Zipf-distributed and drawn beforehand. */
export function keyStream(keys: readonly string[]): (i: number) => string {
  const stream = keyStreamOf(keys);
  return (i) => stream[i & (LENGTH - 1)]!;
}

/** The same, but each key is a new string, joined of its type and its id as programs do it: its hash is not known yet. */
export function joinedKeyStream(keys: readonly string[]): (i: number) => string {
  const stream = keyStreamOf(keys).map((key) => key.split(':', 2) as [string, string]);
  return (i) => {
    const [type, id] = stream[i & (LENGTH - 1)]!;
    return `${type}:${id}`;
  };
}

/** The same, but each key is a new string, as it comes from a socket: its hash is not known yet. */
export function freshKeyStream(keys: readonly string[]): (i: number) => string {
  const stream = keyStreamOf(keys);
  const ends = new Uint32Array(LENGTH + 1);
  for (let i = 0; i < LENGTH; i++) ends[i + 1] = ends[i]! + stream[i]!.length;
  const bytes = Buffer.from(stream.join(''), 'latin1');
  return (i) => bytes.toString('latin1', ends[i & (LENGTH - 1)]!, ends[(i & (LENGTH - 1)) + 1]!);
}
