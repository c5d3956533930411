import type { Announced, Reason } from './bus.ts';
import type { Entry } from './entry.ts';
import { Lru } from './lru.ts';
import type { Version } from './version.ts';

/** A change of a key, as this process was notified of it. */
export interface RecentChange {
  /** When the notification arrived, in milliseconds since 1970. */
  readonly at: number;
  /** `rearmed`: the link was lost and is armed again, so any key may have changed meanwhile. */
  readonly reason: Reason | 'rearmed';
  /** The version of the change, if a replica announced it. */
  readonly version: Version | undefined;
}

/** A change of many keys: a deletion by type or pattern, a flush, or the loss of the link. */
interface WideChange extends RecentChange {
  readonly covers: (key: string) => boolean;
}

const MOST_KEYS = 4096;
const MOST_WIDE = 64;

/** A key that changes up to this long before its deadline counts as expired. The clock ticks every 10 ms. */
const EXPIRY_TOLERANCE_MS = 50;

/** Remembers the latest change of the keys that changed last, for explanations. It is bounded. */
export class RecentChanges {
  readonly #now: () => number;
  readonly #keys = new Lru<RecentChange>(MOST_KEYS);
  #wide: WideChange[] = [];

  /** @param now returns the time in milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * A key has changed.
   * @param before the entry of L1 until now. Redis does not report why a key disappeared: its deadline shows an expiry.
   */
  keyChanged(key: string, announced: Announced | undefined, before: Entry | undefined): void {
    const at = this.#now();
    const expired = before !== undefined && before.expiresAt <= at + EXPIRY_TOLERANCE_MS;
    const reason = announced?.reason ?? (expired ? 'expire' : 'remote');
    this.#keys.set(key, { at, reason, version: announced?.version });
  }

  manyChanged(
    covers: (key: string) => boolean,
    reason: RecentChange['reason'],
    version?: Version | undefined,
  ): void {
    if (this.#wide.length === MOST_WIDE) this.#wide.shift();
    this.#wide.push({ at: this.#now(), reason, version, covers });
  }

  /** Returns the latest change of the key; undefined where none is remembered. */
  of(key: string): RecentChange | undefined {
    const single = this.#keys.peek(key);
    const wide = this.#wide.findLast(({ covers }) => covers(key));
    if (wide === undefined || (single !== undefined && single.at > wide.at)) return single;
    const { at, reason, version } = wide;
    return { at, reason, version };
  }
}
