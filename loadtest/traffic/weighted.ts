import type { Random } from '../support/random.ts';

/** Draws indexes, each in proportion to its weight. */
export function weighted(weights: readonly number[], random: Random): () => number {
  const upTo = new Float64Array(weights.length);
  let sum = 0;
  for (const [i, weight] of weights.entries()) {
    sum += weight;
    upTo[i] = sum;
  }
  return () => {
    const drawn = random() * sum;
    let low = 0;
    let high = weights.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (upTo[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
