/**
 * A map from keys that is grown in parts. One `Map` of a million keys moves all of them at once when it is full, and
 * again whenever as many were deleted and inserted: a pause of 50 to 120 ms. Of the parts each moves its own, in one
 * or two.
 */
export class KeyMap<Value> {
  readonly #parts: readonly Map<string, Value>[];
  readonly #mask: number;
  #size = 0;

  /** @param expected how many keys it is to hold; more may come */
  constructor(expected: number) {
    const parts = partsFor(expected);
    this.#parts = Array.from({ length: parts }, () => new Map());
    this.#mask = parts - 1;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#partOf(key).get(key);
  }

  set(key: string, value: Value): void {
    const part = this.#partOf(key);
    const before = part.size;
    part.set(key, value);
    this.#size += part.size - before;
  }

  delete(key: string): boolean {
    const deleted = this.#partOf(key).delete(key);
    if (deleted) this.#size--;
    return deleted;
  }

  /** Part by part, and in each the oldest insertion first. Insertions and deletions meanwhile are allowed. */
  *values(): Generator<Value> {
    for (const part of this.#parts) yield* part.values();
  }

  /** As `values`, but what comes into a part while that is walked is left out, so that a walk that rests ends. */
  *valuesHeldNow(): Generator<Value> {
    for (const part of this.#parts) {
      let left = part.size;
      for (const value of part.values()) {
        if (left-- === 0) break;
        yield value;
      }
    }
  }

  /** How many keys each part holds. */
  partSizes(): number[] {
    return this.#parts.map(({ size }) => size);
  }

  #partOf(key: string): Map<string, Value> {
    return this.#mask === 0 ? this.#parts[0]! : this.#parts[spread(key) & this.#mask]!;
  }
}

const KEYS_PER_PART = 16_384;
const MOST_PARTS = 1024;

function partsFor(expected: number): number {
  let parts = 1;
  while (parts < MOST_PARTS && parts * KEYS_PER_PART < expected) parts *= 2;
  return parts;
}

/**
 * Six characters of the key, from where keys of one type differ: behind the type, at the end, and before it where
 * the terms of a calculation stand. Were all of them alike, one part would hold everything, which is only as slow as
 * one `Map` is.
 */
function spread(key: string): number {
  const last = key.length - 1;
  if (last < 3) return last + 1;
  const id = Math.min(last, 16);
  return (
    key.charCodeAt(last) +
    key.charCodeAt(last - 1) * 11 +
    key.charCodeAt((last * 3) >> 2) * 61 +
    key.charCodeAt(id) * 37 +
    key.charCodeAt(id - 1) * 467 +
    key.charCodeAt(id - 2) * 101
  );
}
