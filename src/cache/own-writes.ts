import { isForeign, VERSION_BYTES, type Version } from './version.ts';

/** What happened to a key while a write of it was under way. */
export interface Meanwhile {
  /** Whether the link notified us of a change. */
  readonly touched: boolean;
  /** The newest version that a read returned; `UNORDERED` where it cannot be compared. */
  readonly seen: Version;
  /** The newest change of the key that Redis is known to have made: an own one it acknowledged, or one the link named. */
  readonly made: Version;
}

/** Writes of one key that have left for L2 and have not been answered. */
interface UnderWay extends Meanwhile {
  writes: number;
  touched: boolean;
  seen: Version;
  made: Version;
}

/** Greater than every version: a read found no value, or one that another program wrote. Nobody knows since when. */
const UNORDERED: Version = 'f'.repeat(VERSION_BYTES * 2);

/** Nothing happened. */
export const NOTHING: Meanwhile = { touched: false, seen: '', made: '' };

/**
 * Our own writes that have not been answered yet. Every write is echoed by the invalidation link, ours too, and an echo
 * looks like anybody's write: one that arrives while a write is under way may be its own echo, or the echo of another
 * write that came after it. This remembers that there was one, until the answer is there and Redis can be asked.
 *
 * It also remembers what reads returned: the answers to a write and to a read that left after it may arrive together,
 * and be handled in either order. A reader who has seen what replaced the write must not see the write next.
 *
 * And it remembers which changes Redis has made: a write that times out after Redis made a newer one must neither
 * enter L1 nor be kept for later.
 */
export class OwnWrites {
  readonly #underWay = new Map<string, UnderWay>();

  begin(key: string): void {
    const known = this.#underWay.get(key);
    if (known === undefined) this.#underWay.set(key, { writes: 1, ...NOTHING });
    else known.writes++;
  }

  /** A write was answered, or failed: returns what happened to the key while it, or another one, was under way. */
  end(key: string): Meanwhile {
    const known = this.#underWay.get(key)!;
    if (--known.writes === 0) this.#underWay.delete(key);
    return known;
  }

  /** An invalidation came. @param version of the change, if a replica announced it. Returns whether a write is under way */
  touch(key: string, version: Version | undefined): boolean {
    const known = this.#underWay.get(key);
    if (known === undefined) return false;
    known.touched = true;
    if (version !== undefined && version > known.made) known.made = version;
    return true;
  }

  /** As `touch`, for every key that matches. */
  touchWhere(matches: (key: string) => boolean, version?: Version): void {
    for (const key of this.#underWay.keys()) if (matches(key)) this.touch(key, version);
  }

  /** Redis acknowledged an own change of the key. */
  acknowledged(key: string, version: Version): void {
    const known = this.#underWay.get(key);
    if (known !== undefined && version > known.made) known.made = version;
  }

  /** A read returned this version, or found no value. */
  landed(key: string, version: Version | undefined): void {
    const known = this.#underWay.get(key);
    if (known === undefined) return;
    const seen = version === undefined || isForeign(version) ? UNORDERED : version;
    if (seen > known.seen) known.seen = seen;
  }
}
