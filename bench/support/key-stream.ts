import { zipf } from './zipf.ts';

/** A power of two, so that a mask takes the place of a division. */
const LENGTH = 1 << 17;

/** The key of the i-th read, Zipf-distributed and drawn beforehand. */
export function keyStream(keys: readonly string[]): (i: number) => string {
  const order = zipf(keys.length, LENGTH);
  const stream = Array.from(order, (index) => keys[index]!);
  return (i) => stream[i & (LENGTH - 1)]!;
}

/** The same, each key a new string as it comes from a socket: its hash is not known yet. */
export function freshKeyStream(keys: readonly string[]): (i: number) => string {
  const order = zipf(keys.length, LENGTH);
  const ends = new Uint32Array(keys.length + 1);
  for (let i = 0; i < keys.length; i++) ends[i + 1] = ends[i]! + keys[i]!.length;
  const bytes = Buffer.from(keys.join(''), 'latin1');
  return (i) => {
    const index = order[i & (LENGTH - 1)]!;
    return bytes.toString('latin1', ends[index]!, ends[index + 1]!);
  };
}
