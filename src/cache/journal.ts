import type { Entry } from './entry.ts';
import { EVERYTHING, type Match, matcher } from './match.ts';
import type { Version } from './version.ts';

/** What L2 has still to be told of one key: its new value, or (`entry` undefined) that it has none. */
export interface Pending {
  readonly key: string;
  readonly version: Version;
  readonly entry: Entry | undefined;
}

/** A deletion of all keys that match, as of its version. */
export interface PendingMatch {
  readonly match: Match;
  readonly version: Version;
}

export interface JournalOptions {
  readonly maxEntries: number;
  /** As `Entry.bytes` counts them. */
  readonly maxBytes: number;
}

interface KeptMatch {
  readonly pending: PendingMatch;
  readonly matches: (key: string) => boolean;
  readonly since: number;
}

// What a deletion costs beyond its key.
const DELETION_BYTES = 120;

/**
 * The changes that L2 did not take, because it was away or gave no answer: of each key the last one. Until they
 * are replayed, what is here is the truth about its keys, whatever L2 holds. It is bounded, and lives in
 * memory: what it holds is lost with the process.
 */
export class Journal {
  readonly limits: JournalOptions;
  readonly #keys = new Map<string, { readonly pending: Pending; readonly since: number }>();
  #matches: KeptMatch[] = [];
  #bytes = 0;

  constructor(limits: JournalOptions) {
    this.limits = limits;
  }

  get size(): number {
    return this.#keys.size + this.#matches.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the oldest of its changes came, in ms since the epoch; undefined when it is empty. */
  get oldest(): number | undefined {
    const [first] = this.#keys.values();
    const since = [first, ...this.#matches].flatMap((kept) => (kept === undefined ? [] : [kept.since]));
    return since.length === 0 ? undefined : Math.min(...since);
  }

  /** Keeps a change, in place of the key's last one; says false where there is no room. */
  put(pending: Pending, now: number): boolean {
    const bytes = costOf(pending);
    const before = this.#keys.get(pending.key);
    const freed = before === undefined ? 0 : costOf(before.pending);
    if (before === undefined && this.size >= this.limits.maxEntries) return false;
    if (this.#bytes - freed + bytes > this.limits.maxBytes) return false;
    this.#keys.set(pending.key, { pending, since: before?.since ?? now });
    this.#bytes += bytes - freed;
    return true;
  }

  /** Keeps a deletion of all that matches; what is kept of those keys gives way to it, and what it repeats. */
  putMatch(pending: PendingMatch, now: number): boolean {
    const matches = matcher(pending.match);
    const given = [...this.#keys.values()].filter(({ pending: { key } }) => matches(key));
    const repeated = this.#matches.filter((kept) => covers(pending.match, kept.pending.match));
    if (this.size - given.length - repeated.length >= this.limits.maxEntries) return false;
    for (const { pending: kept } of given) this.done(kept);
    const others = this.#matches.filter((kept) => !repeated.includes(kept));
    this.#matches = [
      ...others,
      { pending, matches, since: Math.min(now, ...repeated.map((kept) => kept.since)) },
    ];
    return true;
  }

  /** Of every key that matches and is here: that L2 is to have none, as of this version. */
  deleteWhere(matches: (key: string) => boolean, version: Version): void {
    for (const [key, { since }] of this.#keys)
      if (matches(key)) this.put({ key, version, entry: undefined }, since);
  }

  /** What is the truth about the key, if it is here. */
  get(key: string): Pending | undefined {
    return this.#keys.get(key)?.pending;
  }

  /** The version as of which the key was deleted together with others, if it was. */
  deletedAsOf(key: string): Version | undefined {
    let latest: Version | undefined;
    for (const { pending, matches } of this.#matches)
      if (matches(key) && (latest === undefined || pending.version > latest)) latest = pending.version;
    return latest;
  }

  /** L2 has it, or something newer; unless the key changed again meanwhile, it is forgotten. */
  done(pending: Pending): void {
    if (this.#keys.get(pending.key)?.pending !== pending) return;
    this.#keys.delete(pending.key);
    this.#bytes -= costOf(pending);
  }

  matchDone(pending: PendingMatch): void {
    this.#matches = this.#matches.filter((each) => each.pending !== pending);
  }

  /** The changes of single keys, the oldest first; at most `count`. */
  first(count: number): Pending[] {
    const slice: Pending[] = [];
    for (const { pending } of this.#keys.values()) {
      if (slice.length === count) break;
      slice.push(pending);
    }
    return slice;
  }

  firstMatch(): PendingMatch | undefined {
    return this.#matches[0]?.pending;
  }
}

/** Whether a later deletion makes an earlier one superfluous. */
function covers(later: Match, earlier: Match): boolean {
  return later === EVERYTHING || JSON.stringify(later) === JSON.stringify(earlier);
}

function costOf({ key, entry }: Pending): number {
  return entry?.bytes ?? key.length + DELETION_BYTES;
}
