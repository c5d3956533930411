/**
 * Keys and their types. A key is `type:id[:id…]`; its type is the part before the first `:`. Six types are known,
 * and each has its own TTL. Any other key has the type `other`.
 */
export const TYPES = [
  'borrow_rate',
  'volatility',
  'event_risk',
  'broker_config',
  'calculation',
  'min_rate',
  'other',
] as const;

export type TypeName = (typeof TYPES)[number];

/** Index into `TYPES`. Counters and sizes are arrays with this index. */
export type TypeIndex = number;

export const OTHER: TypeIndex = TYPES.length - 1;

// Each first letter belongs to one type, except `b`, which two types share.
const PREFIX: readonly string[] = TYPES.map((name) => `${name}:`);

/** The type of a key. It runs on every L1 miss, so it compares a whole prefix only if the first character fits. */
export function typeOf(key: string): TypeIndex {
  let candidate: TypeIndex;
  switch (key.charCodeAt(0)) {
    case 98: // b
      candidate = key.charCodeAt(1) === 111 ? 0 : 3;
      break;
    case 118: // v
      candidate = 1;
      break;
    case 101: // e
      candidate = 2;
      break;
    case 99: // c
      candidate = 4;
      break;
    case 109: // m
      candidate = 5;
      break;
    default:
      return OTHER;
  }
  return key.startsWith(PREFIX[candidate]!) ? candidate : OTHER;
}

/** The index of a type's name, or undefined if `TYPES` does not contain it. */
export function typeIndex(name: string): TypeIndex | undefined {
  const index = (TYPES as readonly string[]).indexOf(name);
  return index < 0 ? undefined : index;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Why a key is invalid, as the end of the sentence "the key …", or undefined for a valid key.
 * A key is 1 to `maxBytes` bytes of UTF-8 without control characters.
 */
export function keyFault(key: string, maxBytes: number): string | undefined {
  if (key.length === 0) return 'is empty';
  if (key.length > maxBytes || Buffer.byteLength(key) > maxBytes) return `is longer than ${maxBytes} bytes`;
  if (CONTROL.test(key)) return 'contains a control character';
  if (!key.isWellFormed()) return 'contains a lone surrogate, which UTF-8 cannot encode';
  return undefined;
}

/** TTLs by `TypeIndex`, in milliseconds. `other` has the TTL of `calculation`. */
export type TtlTable = readonly number[];
