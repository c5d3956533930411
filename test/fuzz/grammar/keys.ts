import { pick, type Random } from '../../../loadtest/support/random.ts';

const KEYS = [
  'borrow_rate:A',
  'borrow_rate:B',
  'volatility:A',
  'min_rate:A',
  'event_risk:A:B',
  'borrowrate:A',
  'a',
];
const ODD_KEYS = [
  '',
  '__proto__',
  'constructor',
  'clé:🦊',
  'a b',
  'a/b',
  'a\0b',
  '*',
  '\\',
  ':',
  'k'.repeat(513),
];

/** Few names, so that the inputs of a batch meet at the same keys. */
export function anyKey(random: Random): string {
  return random() < 0.9 ? pick(KEYS, random) : pick(ODD_KEYS, random);
}
