import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import type { Delivery } from '../live/deliver.ts';
import { oneIn } from './values.ts';

/** Cuts bytes into TCP segments, mostly into one, and chooses how the connection ends. */
export function delivered(bytes: Buffer, random: Random): Delivery {
  const cuts = oneIn(2, random)
    ? []
    : Array.from({ length: 1 + below(3, random) }, () => below(bytes.length + 1, random));
  const bounds = [0, ...cuts.sort((a, b) => a - b), bytes.length];
  const segments = bounds.slice(1).map((end, i) => bytes.subarray(bounds[i], end));
  return { segments, ending: pick(['finish', 'wait', 'wait', 'wait', 'reset'] as const, random) };
}
