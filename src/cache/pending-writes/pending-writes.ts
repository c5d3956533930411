import { Entry } from '../entry.ts';
import { EVERYTHING, type Match, matcher } from '../match.ts';
import { moveStamp, type Version } from '../version.ts';

/** A change of one key that is to be made in L2: its new value, or (`entry` undefined) its deletion. */
export interface Pending {
  readonly key: string;
  readonly version: Version;
  readonly entry: Entry | undefined;
  /** Another program changed the key after this was kept: then that program's value, if it left one, stays. */
  contested?: boolean;
}

/** A deletion of all keys that match, as of its version. */
export interface PendingMatch {
  readonly match: Match;
  readonly version: Version;
}

export interface PendingWritesOptions {
  readonly maxEntries: number;
  /** As `Entry.bytes` counts them. */
  readonly maxBytes: number;
}

interface Kept {
  readonly pending: Pending;
  /** When the key began to wait, on the monotonic clock. */
  readonly since: number;
}

interface KeptMatch {
  readonly pending: PendingMatch;
  readonly matches: (key: string) => boolean;
  readonly since: number;
}

/** A deletion by match that another replica is making. */
interface Hold {
  readonly version: Version;
  readonly matches: (key: string) => boolean;
  /** On the monotonic clock. */
  readonly until: number;
}

/** How long changes are held back: the end of the deletion, or that it goes on, is announced before. */
const HOLD_MS = 5000;

/** Deletions that hold changes back at a time; of more, which a faulty program may announce, the newest count. */
const MAX_HOLDS = 1000;

// What a deletion costs beyond its key.
const DELETION_BYTES = 120;

/**
 * The changes that L2 did not take, because it was unreachable or did not answer: for each key the newest one. Until
 * they are replayed, this process answers for their keys from here, whatever L2 holds. It is bounded, and lives in
 * memory: what it holds is lost with the process.
 */
export class PendingWrites {
  readonly limits: PendingWritesOptions;
  readonly #keys = new Map<string, Kept>();
  #matches: KeptMatch[] = [];
  #holds: Hold[] = [];
  #bytes = 0;

  constructor(limits: PendingWritesOptions) {
    this.limits = limits;
  }

  get size(): number {
    return this.#keys.size + this.#matches.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How long the oldest of its changes has waited, in ms; undefined when it is empty. */
  get oldestAgeMs(): number | undefined {
    const [first] = this.#keys.values();
    const since = [first, ...this.#matches].flatMap((kept) => (kept === undefined ? [] : [kept.since]));
    return since.length === 0 ? undefined : performance.now() - Math.min(...since);
  }

  /**
   * Keeps a change in place of the key's earlier one.
   * @returns `kept`; `superseded` where a newer change or deletion of the key is kept already; `full` where there is
   *   no room
   */
  put(pending: Pending): 'kept' | 'superseded' | 'full' {
    const bytes = costOf(pending);
    const before = this.#keys.get(pending.key);
    if (before !== undefined && this.supersedes(before.pending, pending)) return 'superseded';
    const deleted = this.deletedAsOf(pending.key);
    if (deleted !== undefined && deleted > pending.version) return 'superseded';
    const freed = before === undefined ? 0 : costOf(before.pending);
    if (before === undefined && this.size >= this.limits.maxEntries) return 'full';
    if (this.#bytes - freed + bytes > this.limits.maxBytes) return 'full';
    this.#keys.set(pending.key, { pending, since: before?.since ?? performance.now() });
    this.#bytes += bytes - freed;
    return 'kept';
  }

  /** Whether a kept change of a key makes another one superfluous. */
  supersedes(kept: Pending, other: Pending): boolean {
    return kept.version > other.version;
  }

  /** Puts an earlier change of a key back where the one that replaced it did not come about. */
  restore(replacement: Pending, earlier: Pending): void {
    const kept = this.#keys.get(replacement.key);
    if (kept?.pending !== replacement) return;
    this.#keys.set(earlier.key, { pending: earlier, since: kept.since });
    this.#bytes += costOf(earlier) - costOf(replacement);
  }

  /**
   * Keeps a deletion of all that matches. Changes of those keys that are not newer give way to it, and so do earlier
   * deletions that it covers. It is not kept where a later deletion that covers it is kept already.
   * @returns false where there is no room
   */
  putMatch(pending: PendingMatch): boolean {
    const { match, version } = pending;
    const matches = matcher(match);
    if (this.#matches.some(({ pending: kept }) => kept.version > version && covers(kept.match, match)))
      return true;
    const given = [...this.#keys.values()].filter(
      ({ pending: kept }) => matches(kept.key) && kept.version <= version,
    );
    const repeated = this.#matches.filter(
      ({ pending: kept }) => kept.version <= version && covers(match, kept.match),
    );
    if (this.size - given.length - repeated.length >= this.limits.maxEntries) return false;
    for (const { pending: kept } of given) this.done(kept);
    const others = this.#matches.filter((kept) => !repeated.includes(kept));
    const since = Math.min(performance.now(), ...repeated.map((kept) => kept.since));
    this.#matches = [...others, { pending, matches, since }];
    return true;
  }

  /** The change of the key that waits, if any. */
  get(key: string): Pending | undefined {
    return this.#keys.get(key)?.pending;
  }

  /** The keys whose changes wait, with what they will be. */
  *pending(): Generator<Pending> {
    for (const { pending } of this.#keys.values()) yield pending;
  }

  /** The version as of which the key was deleted together with others, if it was. */
  deletedAsOf(key: string): Version | undefined {
    let latest: Version | undefined;
    for (const { pending, matches } of this.#matches)
      if (matches(key) && (latest === undefined || pending.version > latest)) latest = pending.version;
    return latest;
  }

  /**
   * Another replica deletes all that matches from L2, as of this version. An older change must not be made there when
   * the deletion has passed its key. But the deletion may fail, so the change is not dropped before that is done.
   */
  hold(matches: (key: string) => boolean, version: Version): void {
    this.release(version);
    if (this.#holds.length === MAX_HOLDS) this.#holds.shift();
    this.#holds.push({ version, matches, until: performance.now() + HOLD_MS });
  }

  /** That deletion is done. */
  release(version: Version): void {
    const now = performance.now();
    this.#holds = this.#holds.filter((hold) => hold.version !== version && hold.until > now);
  }

  /** Whether the change is not to be made now. */
  held({ key, version }: Pending): boolean {
    const now = performance.now();
    return this.#holds.some((hold) => version < hold.version && hold.until > now && hold.matches(key));
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

  /** The deletions of many keys, the oldest first. */
  matches(): PendingMatch[] {
    return this.#matches.map(({ pending }) => pending);
  }

  /** The clock was stepped by so many ms: stamps and deadlines that it gave are moved along. */
  move(ms: number): void {
    for (const [key, { pending, since }] of this.#keys)
      this.#keys.set(key, { pending: moved(pending, ms), since });
    this.#matches = this.#matches.map((kept) => ({
      ...kept,
      pending: { ...kept.pending, version: moveStamp(kept.pending.version, ms) },
    }));
  }
}

/** Whether a later deletion makes an earlier one superfluous. */
function covers(later: Match, earlier: Match): boolean {
  return later === EVERYTHING || JSON.stringify(later) === JSON.stringify(earlier);
}

function costOf({ key, entry }: Pending): number {
  return entry?.bytes ?? key.length + DELETION_BYTES;
}

function moved(pending: Pending, ms: number): Pending {
  const { key, entry } = pending;
  const version = moveStamp(pending.version, ms);
  const at = (time: number) => Math.round(time + ms);
  return {
    ...pending,
    version,
    entry: entry && new Entry(key, entry.value, version, at(entry.storedAt), at(entry.expiresAt)),
  };
}
