import { isNewer } from '../condition.ts';
import { Entry } from '../entry.ts';
import type { WriteIdentity } from '../idempotency.ts';
import { EVERYTHING, type Match, matcher } from '../match.ts';
import { moveStamp, type Version } from '../version.ts';
import { Shares } from './shares.ts';

/** A change of one key that L2 has not accepted yet: a new value, or a deletion where `entry` is undefined. */
export interface Pending {
  readonly key: string;
  /** The version for the replay. It may be greater than that of the entry: see `raise`. */
  readonly version: Version;
  readonly entry: Entry | undefined;
  /** Who made the change; undefined if the service made it. */
  readonly client?: string | undefined;
  readonly identity?: WriteIdentity | undefined;
  /** Another program may have changed the key after this change. The value of that program, if any, stays. */
  contested?: boolean;
  /** The change is not made where the data of the present value is from a later time, in ms since 1970. */
  readonly unlessNewer?: number | undefined;
  /** L2 made the change, but too few replicas have acknowledged it. */
  readonly unreplicated?: boolean;
}

/** A deletion of all keys that match, as of its version. */
export interface PendingMatch {
  readonly match: Match;
  readonly version: Version;
}

export interface PendingWritesOptions {
  readonly maxEntries: number;
  /** The limit of the sum of `Entry.bytes`. */
  readonly maxBytes: number;
  /** The percentage of both limits that the changes of one client may use; 100 if absent. */
  readonly maxClientPercent?: number;
  /** The percentage of both limits that only deletions may use; 0 if absent. */
  readonly reservedPercent?: number;
  /** Deletions by match that are kept although `maxEntries` is reached; 0 if absent. */
  readonly spareMatches?: number;
}

interface Kept {
  readonly pending: Pending;
  /** When the first change of the key became pending, on the monotonic clock. */
  readonly since: number;
}

interface KeptMatch {
  readonly pending: PendingMatch;
  readonly matches: (key: string) => boolean;
  readonly since: number;
}

/** A deletion of all matching keys that another replica is making. It holds back older pending changes. */
interface Hold {
  readonly version: Version;
  readonly matches: (key: string) => boolean;
  /** On the monotonic clock. */
  readonly until: number;
}

/** How long a deletion holds changes back. Before that its replica announces that it has ended, or still runs. */
const HOLD_MS = 5000;

/** The limit of deletions that hold changes back. A faulty program may announce more; then the newest ones count. */
const MAX_HOLDS = 1000;

// The memory of a pending deletion beyond its key.
const DELETION_BYTES = 120;

/**
 * The pending writes: changes that L2 did not accept, because it was unreachable, did not answer or refused them. Each
 * key has only its newest change. Until the replay this process answers for these keys from here, and does not ask L2.
 * The set is bounded. It is in memory, and is lost with the process.
 */
export class PendingWrites {
  readonly limits: PendingWritesOptions;
  readonly #keys = new Map<string, Kept>();
  #matches: KeptMatch[] = [];
  #holds: Hold[] = [];
  #bytes = 0;
  readonly #shares: Shares;
  /** The limits of new values. Deletions may use more. */
  readonly #valueLimits: { readonly entries: number; readonly bytes: number };

  constructor(limits: PendingWritesOptions) {
    this.limits = limits;
    const { maxEntries, maxBytes, maxClientPercent = 100, reservedPercent = 0 } = limits;
    const share = maxClientPercent / 100;
    this.#shares = new Shares(Math.ceil(maxEntries * share), Math.ceil(maxBytes * share));
    this.#valueLimits = {
      entries: maxEntries - Math.floor((maxEntries * reservedPercent) / 100),
      bytes: maxBytes - Math.floor((maxBytes * reservedPercent) / 100),
    };
  }

  get size(): number {
    return this.#keys.size + this.#matches.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How long the oldest change has been pending, in ms; undefined when no change is pending. */
  get oldestAgeMs(): number | undefined {
    const [first] = this.#keys.values();
    const since = [first, ...this.#matches].flatMap((kept) => (kept === undefined ? [] : [kept.since]));
    return since.length === 0 ? undefined : performance.now() - Math.min(...since);
  }

  /**
   * Makes a change pending, in place of an earlier pending change of the key.
   * @returns `kept`; `superseded` where a newer change or deletion of the key is pending already; `full` where a
   *   limit is reached; `share-full` where only the share of its client is
   */
  put(pending: Pending): 'kept' | 'superseded' | 'full' | 'share-full' {
    const bytes = costOf(pending);
    const before = this.#keys.get(pending.key);
    if (before !== undefined && this.supersedes(before.pending, pending)) return 'superseded';
    const deleted = this.deletedAsOf(pending.key);
    if (deleted !== undefined && deleted > pending.version) return 'superseded';
    const freed = before === undefined ? 0 : costOf(before.pending);
    const { maxEntries, maxBytes } = this.limits;
    const limits = pending.entry === undefined ? { entries: maxEntries, bytes: maxBytes } : this.#valueLimits;
    if (before === undefined && this.size >= limits.entries) return 'full';
    if (this.#bytes - freed + bytes > limits.bytes) return 'full';
    const mine = before !== undefined && before.pending.client === pending.client;
    if (pending.client !== undefined) {
      const [entries, more] = mine ? [0, bytes - freed] : [1, bytes];
      if (!this.#shares.hasRoom(pending.client, entries, more)) return 'share-full';
    }
    this.#replace(before?.pending, pending, before?.since ?? performance.now());
    return 'kept';
  }

  /** Returns whether a pending change of a key makes another change of it obsolete. */
  supersedes(kept: Pending, other: Pending): boolean {
    return kept.version > other.version || isNewer(kept.entry, other.unlessNewer);
  }

  /** Restores an earlier change of a key, if `replacement` is still its pending change. */
  restore(replacement: Pending, earlier: Pending): void {
    const kept = this.#keys.get(replacement.key);
    if (kept?.pending === replacement) this.#replace(replacement, earlier, kept.since);
  }

  #replace(before: Pending | undefined, pending: Pending, since: number): void {
    if (before !== undefined) this.#uncount(before);
    this.#keys.set(pending.key, { pending, since });
    const bytes = costOf(pending);
    this.#bytes += bytes;
    if (pending.client !== undefined) this.#shares.add(pending.client, 1, bytes);
  }

  #uncount(pending: Pending): void {
    const bytes = costOf(pending);
    this.#bytes -= bytes;
    if (pending.client !== undefined) this.#shares.add(pending.client, -1, -bytes);
  }

  /**
   * Makes a deletion of all matching keys pending. It replaces the pending changes of these keys that are not newer,
   * and the earlier deletions that it covers, so a flush nearly always has room. Nothing is stored where a later deletion that covers it is pending
   * already.
   * @returns false where the limit is reached
   */
  putMatch(pending: PendingMatch): boolean {
    const { match, version } = pending;
    const matches = matcher(match);
    if (this.#matches.some(({ pending: kept }) => kept.version > version && covers(kept.match, match)))
      return true;
    const replaced = [...this.#keys.values()].filter(
      ({ pending: kept }) => matches(kept.key) && kept.version <= version,
    );
    const repeated = this.#matches.filter(
      ({ pending: kept }) => kept.version <= version && covers(match, kept.match),
    );
    const { maxEntries, spareMatches = 0 } = this.limits;
    const left = this.size - replaced.length - repeated.length;
    if (left >= maxEntries + spareMatches) return false;
    for (const { pending: kept } of replaced) this.done(kept);
    const others = this.#matches.filter((kept) => !repeated.includes(kept));
    const since = Math.min(performance.now(), ...repeated.map((kept) => kept.since));
    this.#matches = [...others, { pending, matches, since }];
    return true;
  }

  /** Returns the pending change of the key, if any. */
  get(key: string): Pending | undefined {
    return this.#keys.get(key)?.pending;
  }

  /** Yields the pending changes of single keys. */
  *pending(): Generator<Pending> {
    for (const { pending } of this.#keys.values()) yield pending;
  }

  /** Returns the version of the newest pending deletion by match that covers the key, if any. */
  deletedAsOf(key: string): Version | undefined {
    let latest: Version | undefined;
    for (const { pending, matches } of this.#matches)
      if (matches(key) && (latest === undefined || pending.version > latest)) latest = pending.version;
    return latest;
  }

  /**
   * Another replica starts to delete the matching keys that are older than this version. Replaying an older change
   * after the deletion has passed its key would restore the key. But the deletion may fail, so the change is held back
   * until the end, and is not dropped.
   */
  hold(matches: (key: string) => boolean, version: Version): void {
    this.release(version);
    if (this.#holds.length === MAX_HOLDS) this.#holds.shift();
    this.#holds.push({ version, matches, until: performance.now() + HOLD_MS });
  }

  /** The deletion with this version has ended. */
  release(version: Version): void {
    const now = performance.now();
    this.#holds = this.#holds.filter((hold) => hold.version !== version && hold.until > now);
  }

  /** Returns whether a deletion of another replica holds the change back. */
  isHeldBack({ key, version }: Pending): boolean {
    const now = performance.now();
    return this.#holds.some((hold) => version < hold.version && hold.until > now && hold.matches(key));
  }

  /** L2 has the change or a newer one. Removes the change, unless a later change has replaced it. */
  done(pending: Pending): void {
    if (this.#keys.get(pending.key)?.pending !== pending) return;
    this.#keys.delete(pending.key);
    this.#uncount(pending);
  }

  /**
   * L2 may have stored a pending change with a greater version. The entry keeps its own version: the greater one may be
   * that of a later own change, and clients must not receive two values with one version.
   */
  raise(pending: Pending, version: Version): void {
    const kept = this.#keys.get(pending.key);
    if (kept?.pending !== pending || version === pending.version) return;
    this.#replace(pending, { ...pending, version }, kept.since);
  }

  matchDone(pending: PendingMatch): void {
    this.#matches = this.#matches.filter((each) => each.pending !== pending);
  }

  /** The versions of all pending changes and deletions. */
  versions(): Version[] {
    return [...this.pending(), ...this.matches()].map(({ version }) => version);
  }

  /** Returns the pending deletions by match, the oldest first. */
  matches(): PendingMatch[] {
    return this.#matches.map(({ pending }) => pending);
  }

  /** The clock was stepped by `ms`. Moves the stamps and deadlines of the pending writes by the same amount. */
  move(ms: number): void {
    for (const [key, { pending, since }] of this.#keys)
      this.#keys.set(key, { pending: moved(pending, ms), since });
    this.#matches = this.#matches.map((kept) => ({
      ...kept,
      pending: { ...kept.pending, version: moveStamp(kept.pending.version, ms) },
    }));
  }
}

/** Returns whether a later deletion makes an earlier one obsolete. */
function covers(later: Match, earlier: Match): boolean {
  return later === EVERYTHING || JSON.stringify(later) === JSON.stringify(earlier);
}

function costOf({ key, entry }: Pending): number {
  return entry?.bytes ?? key.length + DELETION_BYTES;
}

function moved(pending: Pending, ms: number): Pending {
  const at = (time: number) => Math.round(time + ms);
  const movedEntry = ({ key, value, version, storedAt, expiresAt, origin }: Entry) =>
    new Entry(key, value, moveStamp(version, ms), at(storedAt), at(expiresAt), origin);
  return {
    ...pending,
    version: moveStamp(pending.version, ms),
    entry: pending.entry && movedEntry(pending.entry),
  };
}
