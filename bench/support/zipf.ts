import { seeded } from '../../test/support/random.ts';

/** How steeply popularity falls with rank: what web caches are measured at, about. */
export const EXPONENT = 0.99;

export interface ZipfOptions {
  readonly seed?: number;
  readonly exponent?: number;
}

/**
 * `length` indexes below `keys`, drawn as readers draw keys: the n-th most popular one with a probability of
 * 1 / n^exponent. Which index is popular is shuffled, for neighbours in an array are neighbours in memory, and
 * popular keys of a real cache are not.
 */
export function zipf(keys: number, length: number, options: ZipfOptions = {}): Uint32Array {
  const { seed = 1, exponent = EXPONENT } = options;
  const random = seeded(seed);
  const cumulative = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    cumulative[rank] = sum;
  }
  const byRank = shuffledIndexes(keys, random);
  return Uint32Array.from({ length }, () => byRank[firstAbove(cumulative, random() * sum)]!);
}

function shuffledIndexes(count: number, random: () => number): Uint32Array {
  const indexes = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const kept = indexes[i]!;
    indexes[i] = indexes[j]!;
    indexes[j] = kept;
  }
  return indexes;
}

/** The place of the first number above `target`, in ascending numbers of which the last is above it. */
function firstAbove(ascending: Float64Array, target: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return low;
}
