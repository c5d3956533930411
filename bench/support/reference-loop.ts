import type { Operation } from './loop.ts';

const WORDS = 1024;
const STEPS = 256;
const table = Int32Array.from({ length: WORDS }, (_, i) => Math.imul(i + 1, 0x9e3779b1));

/**
 * What every benchmark is a multiple of: integer arithmetic and reads that stay in the innermost cache of the
 * CPU, about a microsecond of it. It must never change: the numbers in `bench/baseline.json` are multiples of it.
 */
export const referenceLoop: Operation = (i) => {
  let state = i | 1;
  for (let step = 0; step < STEPS; step++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state = (state + table[state & (WORDS - 1)]!) | 0;
  }
  return state;
};
