import { seeded, shuffled } from '../../loadtest/support/random.ts';
import { zipf as ranks } from '../../loadtest/traffic/zipf.ts';

// Another would draw other keys, and what is kept in bench/baseline.json would be of those.
const SEED = 1;

/**
 * `length` indexes below `keys`, drawn as readers draw keys, and always the same ones. Which index is popular is
 * shuffled, for neighbours in an array are neighbours in memory, and popular keys of a real cache are not.
 */
export function zipf(keys: number, length: number): Uint32Array {
  const random = seeded(SEED);
  const byRank = shuffled([...Array(keys).keys()], random);
  const draw = ranks(keys, random);
  return Uint32Array.from({ length }, () => byRank[draw()]!);
}
