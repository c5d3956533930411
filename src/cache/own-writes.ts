import { VERSION_BYTES, type Version } from './version.ts';

/** What came to a key while a write of it was under way. */
export interface Meanwhile {
  /** Whether the link told of a change. */
  readonly touched: boolean;
  /** The newest version that a read brought; `NOT_THERE` for a read that found none. */
  readonly seen: Version;
}

/** Writes of one key that have left for L2 and not come back. */
interface UnderWay extends Meanwhile {
  writes: number;
  touched: boolean;
  seen: Version;
}

/** Newer than every version: whether there was none yet or none any more, nobody knows. */
const NOT_THERE: Version = 'f'.repeat(VERSION_BYTES * 2);

/** What came to a key that nobody else can write. */
export const NOTHING: Meanwhile = { touched: false, seen: '' };

/**
 * Our own writes on their way. Every write is echoed by the invalidation link, ours too, and an echo looks like
 * anybody's write: one that arrives while a write is under way may be its own echo or may be another write that
 * came after it. This remembers that there was one, until the write is back and it can be found out.
 *
 * It also remembers what reads brought: the answers to a write and to a read that left after it may arrive
 * together, and be looked at in either order. Who has read what replaced the write must not see the write next.
 */
export class OwnWrites {
  readonly #underWay = new Map<string, UnderWay>();

  begin(key: string): void {
    const known = this.#underWay.get(key);
    if (known === undefined) this.#underWay.set(key, { writes: 1, ...NOTHING });
    else known.writes++;
  }

  /** A write is back: says what came to the key while it, or another one, was under way. */
  end(key: string): Meanwhile {
    const known = this.#underWay.get(key)!;
    if (--known.writes === 0) this.#underWay.delete(key);
    return known;
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

  /** A read brought this version, or found none. */
  landed(key: string, version: Version | undefined): void {
    const known = this.#underWay.get(key);
    if (known === undefined) return;
    const seen = version ?? NOT_THERE;
    if (seen > known.seen) known.seen = seen;
  }
}
