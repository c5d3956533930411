/**
 * Keys and their types. A key is `type:id[:id…]`; the type is what stands before the first `:`. Six types
 * are known and have a time to live of their own; any other key is of type `other`.
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

/** Index into `TYPES`; counters and sizes are kept in arrays by it. */
export type TypeIndex = number;

export const OTHER: TypeIndex = TYPES.length - 1;

// One prefix for each first letter except `b`, which two types share.
const PREFIX: readonly string[] = TYPES.map((name) => `${name}:`);

/** The type of a key. Runs on every L1 miss, so it looks at one character before it compares. */
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

/** The index of a type's name, or undefined if it is none of `TYPES`. */
export function typeIndex(name: string): TypeIndex | undefined {
  const index = (TYPES as readonly string[]).indexOf(name);
  return index < 0 ? undefined : index;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * What is wrong with a key, as the end of a sentence, or undefined for a good one.
 * A key is 1 to `maxBytes` bytes of UTF-8 without control characters.
 */
export function keyFault(key: string, maxBytes: number): string | undefined {
  if (key.length === 0) return 'is empty';
  if (key.length > maxBytes || Buffer.byteLength(key) > maxBytes) return `is longer than ${maxBytes} bytes`;
  if (CONTROL.test(key)) return 'holds a control character';
  if (!key.isWellFormed()) return 'holds a lone surrogate, which UTF-8 cannot carry';
  return undefined;
}

/** Times to live by `TypeIndex`, in milliseconds. `other` lives as long as `calculation`. */
export type TtlTable = readonly number[];
