import type { Random } from '../support/random.ts';

// The usual exponent of web and market traffic: the first thousand of 13,425 symbols receive three quarters.
const EXPONENT = 0.99;

/** Draws ranks from 0 to `count` - 1, rank r in proportion to 1 / (r + 1) ^ 0.99. */
export function zipf(count: number, random: Random): () => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** EXPONENT;
    upTo[rank] = sum;
  }
  return () => {
    const drawn = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (upTo[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
