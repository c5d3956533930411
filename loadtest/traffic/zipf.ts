import type { Random } from '../support/random.ts';
import { weighted } from './weighted.ts';

// The usual exponent of web and market traffic: the first thousand of 13,425 symbols receive three quarters.
const EXPONENT = 0.99;

/** Draws ranks from 0 to `count` - 1, rank r in proportion to 1 / (r + 1) ^ 0.99. */
export function zipf(count: number, random: Random): () => number {
  return weighted(
    Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** EXPONENT),
    random,
  );
}
