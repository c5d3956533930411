import type { Version } from './version.ts';

/** What happened to a key while a write of it was under way. */
export interface Meanwhile {
  /** Whether the link notified us of a change. */
  readonly touched: boolean;
  /** The newest change of the key that Redis is known to have made: an own one it acknowledged, or one the link named. */
  readonly made: Version;
}

/** Writes of one key that have left for L2 and have not been answered. */
interface UnderWay extends Meanwhile {
  writes: number;
  touched: boolean;
  made: Version;
}

/** Nothing happened. */
export const NOTHING: Meanwhile = { touched: false, made: '' };

/**
 * The own writes that have left for L2 and have not been answered. It remembers two things about their keys:
 *
 * 1. whether the link reported a change meanwhile. The report may be of the own write, or of another write that came
 *    after it, and several changes in one turn of Redis's loop are one report. So once the write is answered, L2 is
 *    asked for the value on behalf of the clients.
 * 2. the newest change that Redis is known to have made: a write that times out after Redis made a newer one must not
 *    become pending.
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
}
