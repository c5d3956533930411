import { seeded } from '../../../loadtest/support/random.ts';

/** Random numbers that are the same in every run of a test. */
export function random(seed: number): { uniform: () => number; normal: () => number } {
  const uniform = seeded(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}
