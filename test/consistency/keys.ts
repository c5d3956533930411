const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Few keys, so that everybody meets at them; and many that are seldom written, so that what was missed stays. */
export const KEYS = {
  /** Written through every replica and straight in Redis, never deleted. */
  shared: numbered('borrow_rate:S', 6),
  /** Written by one program alone, with plain SETs. */
  foreign: numbered('volatility:F', 3),
  /** Written through every replica, and deleted by everybody. */
  deletable: numbered('event_risk:D', 3),
  /** Written through every replica, and by a program that knows no envelope and so gives no versions. */
  mixed: numbered('calculation:M', 3),
  /** As `shared`, and each so seldom that an invalidation that was missed is not made up for by the next. */
  cold: numbered('min_rate:C', 1000),
} as const;

export const HOT_KEYS: readonly string[] = [
  ...KEYS.shared,
  ...KEYS.foreign,
  ...KEYS.deletable,
  ...KEYS.mixed,
];
export const ALL_KEYS: readonly string[] = [...HOT_KEYS, ...KEYS.cold];

export const TYPES = ['borrow_rate', 'volatility', 'event_risk', 'min_rate', 'calculation'];

/** What deletes all deletable keys at once. */
export const DELETABLE_PATTERN = 'event_risk:*';

/** Whether the versions of the key may go back: it is deleted, or some of its values have none of their own. */
export function unversioned(key: string): boolean {
  return key.startsWith('event_risk:') || key.startsWith('calculation:');
}
