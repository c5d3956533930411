import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Entry } from '../entry.ts';
import { type Match, matcher } from '../match.ts';
import type { Listing } from '../store.ts';

const HASHES = 2 ** 32;

/** Entries between two turns of the event loop: a slice takes less than a millisecond. */
const SLICE = 2_000;

/**
 * Returns one page of the keys in L1, for a process without L2. Keys are ordered by their hash, and a cursor is the
 * hash where the next page starts. A key that exists during the whole listing is listed exactly once, because changes
 * of other keys do not move it. Keys with the same hash are on the same page, which may therefore exceed `limit`.
 *
 * Each page visits every entry, a slice at a time, so a large L1 does not block the event loop.
 * @param entries in an order that puts entries last which are inserted or rewritten during the walk
 * @param hashOf returns the hash of a key, below 2^32; a parameter for tests
 */
export async function listKeys(
  entries: Iterable<Entry>,
  match: Match,
  cursor: string | undefined,
  limit: number,
  now: number,
  hashOf: (key: string) => number = fnv1a,
): Promise<Listing> {
  const matches = matcher(match);
  const page = new Page(limit);
  const from = Number(cursor ?? 0);
  let seen = 0;
  for (const entry of entries) {
    if (++seen % SLICE === 0) await nextTurn();
    if (entry.expiresAt <= now || !matches(entry.key)) continue;
    const hash = hashOf(entry.key);
    if (hash >= from) page.offer(hash, entry);
  }
  const { found, last } = page.take();
  const next = page.complete || last === HASHES - 1 ? undefined : String(last + 1);
  return {
    keys: found.map(({ entry: { key, expiresAt } }) => ({ key, ttlMs: expiresAt - now })),
    cursor: next,
  };
}

interface Candidate {
  readonly hash: number;
  readonly entry: Entry;
}

/** Collects the `limit` entries with the smallest hashes, and all entries that share the last hash. */
class Page {
  readonly #limit: number;
  #candidates: Candidate[] = [];
  #highest = HASHES;
  #cutAt: number;
  /** Whether the page has every entry that was offered. */
  complete = true;

  constructor(limit: number) {
    this.#limit = limit;
    this.#cutAt = 4 * limit;
  }

  offer(hash: number, entry: Entry): void {
    if (hash > this.#highest) {
      this.complete = false;
      return;
    }
    this.#candidates.push({ hash, entry });
    // Sort rarely, when the list has grown several times over, so that a page costs little more than the walk.
    if (this.#candidates.length < this.#cutAt) return;
    this.#cut();
    this.#cutAt = 4 * this.#candidates.length;
  }

  take(): { readonly found: readonly Candidate[]; readonly last: number } {
    this.#cut();
    return { found: this.#candidates, last: this.#candidates.at(-1)?.hash ?? HASHES - 1 };
  }

  #cut(): void {
    // A key that is deleted and rewritten during the walk is visited twice. The later entry counts.
    const byKey = new Map(this.#candidates.map((candidate) => [candidate.entry.key, candidate]));
    const sorted = [...byKey.values()].sort((a, b) => a.hash - b.hash);
    this.#candidates = sorted;
    if (sorted.length <= this.#limit) return;
    this.#highest = sorted[this.#limit - 1]!.hash;
    this.#candidates = sorted.filter(({ hash }) => hash <= this.#highest);
    if (this.#candidates.length < sorted.length) this.complete = false;
  }
}

/** FNV-1a of the key's UTF-16 code units, 32 bits. */
function fnv1a(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
