/** Keys of one length and values of one length, so that all answers of a server are of one length too. */
import { seeded } from '../../loadtest/support/random.ts';

export interface Item {
  readonly key: string;
  /** JSON text, ASCII: as many bytes as characters. */
  readonly value: string;
}

export interface Shape {
  readonly count: number;
  /** Of each value. */
  readonly bytes: number;
}

export const SMALL: Shape = { count: 1000, bytes: 200 };
export const MEDIUM: Shape = { count: 1000, bytes: 1024 };
/** Sixteen times what L1 holds by default: read in turn, each key has been evicted before its turn comes again. */
export const MANY: Shape = { count: 16_384, bytes: 200 };

/** How many values of a large set differ. */
const DIFFERENT = 1024;

/** The same items for the same shape, in every process. */
export function itemsOf({ count, bytes }: Shape): Item[] {
  const random = seeded(bytes);
  const values = Array.from({ length: Math.min(count, DIFFERENT) }, () => rateOf(bytes, random));
  return Array.from({ length: count }, (_, n) => ({
    key: flat(`borrow_rate:${String(n).padStart(7, '0')}`),
    value: values[n % DIFFERENT]!,
  }));
}

/** A rate of this many bytes. */
export function rateOf(bytes: number, random = seeded(bytes)): string {
  const fraction = () => random().toFixed(6);
  const head = `{"currency":"USD","fee_rate":${fraction()},"rebate_rate":${fraction()},"available":${(1e6 * random()) | 0},"curve":[`;
  const tail = '],"batch":""}';
  const numbers: string[] = [];
  let room = bytes - head.length - tail.length;
  for (; room >= '0.123456,'.length; room -= '0.123456,'.length) numbers.push(fraction());
  // The last number has no comma, so at least one letter fits.
  return flat(`${head}${numbers.join(',')}],"batch":"${'x'.repeat(room + 1)}"}`);
}

// V8 keeps a concatenation as a tree until it is first read; what a server reads from a socket is flat.
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
