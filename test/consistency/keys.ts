const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** A few keys with frequent concurrent writes, and many keys with rare writes, where a missed invalidation stays. */
export const KEYS = {
  /** Written through every replica and directly in Redis, never deleted. */
  shared: numbered('borrow_rate:S', 6),
  /** Written only by one program, with plain SETs. */
  foreign: numbered('volatility:F', 3),
  /** Written and deleted through every replica, and deleted directly in Redis. */
  deletable: numbered('event_risk:D', 3),
  /** Written through every replica, and by a program that writes no envelope and so no version. */
  mixed: numbered('calculation:M', 3),
  /** Like `shared`, but each key is written so rarely that a later invalidation does not hide a missed one. */
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

/** The pattern of all deletable keys. */
export const DELETABLE_PATTERN = 'event_risk:*';

/** Whether the versions of the key may go back, because it is deleted or some of its values have no version. */
export function unversioned(key: string): boolean {
  return key.startsWith('event_risk:') || key.startsWith('calculation:');
}
