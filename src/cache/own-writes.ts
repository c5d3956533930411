/** Writes of one key that have left for L2 and not come back. */
interface UnderWay {
  writes: number;
  touched: boolean;
}

/**
 * Our own writes on their way. Every write is echoed by the invalidation link, ours too, and an echo looks like
 * anybody's write: one that arrives while a write is under way may be its own echo or may be another write that
 * came after it. This remembers that there was one, until the write is back and it can be found out.
 */
export class OwnWrites {
  readonly #underWay = new Map<string, UnderWay>();

  begin(key: string): void {
    const known = this.#underWay.get(key);
    if (known === undefined) this.#underWay.set(key, { writes: 1, touched: false });
    else known.writes++;
  }

  /** A write is back: says whether an invalidation of the key came while it, or another one, was under way. */
  end(key: string): boolean {
    const known = this.#underWay.get(key)!;
    if (--known.writes === 0) this.#underWay.delete(key);
    return known.touched;
  }

  /** An invalidation came. Says whether a write of the key is under way. */
  touch(key: string): boolean {
    const known = this.#underWay.get(key);
    if (known === undefined) return false;
    known.touched = true;
    return true;
  }

  /** As `touch`, for every key that matches. */
  touchWhere(matches: (key: string) => boolean): void {
    for (const [key, known] of this.#underWay) if (matches(key)) known.touched = true;
  }
}
