import type { Entry } from './entry.ts';

/** Use is told apart to this share of what is held. */
const GENERATIONS = 16;

/** Entries that are let go in one turn of the event loop, after a clear: some 100 µs. */
const CUT_SLICE = 2000;

/** What an entry carries for its place in the order. */
export interface Links {
  older: Links | undefined;
  newer: Links | undefined;
}

/**
 * In which order entries were used, as a ring of links that the entries carry themselves.
 *
 * A hit that moved its entry to the front each time would write to four more objects, which at a million entries are
 * four cache misses: more than the lookup. So time is cut into generations, a new one whenever a sixteenth of what is
 * held has come in, and an entry moves with its first use in each. The last used are known to that much, and a cache
 * that nothing enters writes nothing on a hit. Of fewer than sixteen entries the order is known exactly.
 */
export class Recency {
  /** The ring's beginning and end: `older` of it is the newest entry, `newer` the oldest. */
  #ring = emptyRing();
  #size = 0;
  #generation = 0;
  /** Entries that came in since the generation began. */
  #entered = 0;
  /** What was cleared and is still to be cut, the oldest first; linked as the ring is, but open at both ends. */
  #cleared: Links | undefined;

  /** The least recently used; undefined where there is none. */
  get oldest(): Entry | undefined {
    const oldest = this.#ring.newer;
    return oldest === this.#ring ? undefined : (oldest as Entry);
  }

  /** An entry comes in, as the most recently used. */
  enter(entry: Entry): void {
    if (++this.#entered * GENERATIONS > this.#size) {
      this.#entered = 0;
      this.#generation++;
    }
    if (entry.newer !== undefined || entry.older !== undefined || entry === this.#cleared)
      this.#rescue(entry);
    this.#toFront(entry);
    this.#size++;
  }

  /** An entry was used. */
  touch(entry: Entry): void {
    if (entry.generation === this.#generation && this.#size >= GENERATIONS) return;
    unlink(entry);
    this.#toFront(entry);
  }

  /** An entry goes; it keeps no other alive. */
  leave(entry: Entry): void {
    unlink(entry);
    entry.older = undefined;
    entry.newer = undefined;
    this.#size--;
  }

  /** All go. Whoever still holds one of them must not hold all, so their links are cut, a slice a turn. */
  clear(): void {
    const { newer: oldest, older: newest } = this.#ring;
    if (oldest === this.#ring) return;
    this.#ring = emptyRing();
    this.#size = 0;
    const waiting = this.#cleared;
    oldest!.older = undefined;
    newest!.newer = waiting;
    this.#cleared = oldest;
    if (waiting === undefined) this.#cutSlice();
    else waiting.older = newest;
  }

  #cutSlice(): void {
    for (let i = 0; i < CUT_SLICE && this.#cleared !== undefined; i++) {
      const cut = this.#cleared;
      this.#cleared = cut.newer;
      cut.newer = undefined;
      if (this.#cleared !== undefined) this.#cleared.older = undefined;
    }
    if (this.#cleared !== undefined) setImmediate(() => this.#cutSlice()).unref();
  }

  /** One that was cleared and has not been cut comes in again. */
  #rescue(entry: Entry): void {
    const { older, newer } = entry;
    if (entry === this.#cleared) this.#cleared = newer;
    if (older !== undefined) older.newer = newer;
    if (newer !== undefined) newer.older = older;
  }

  #toFront(entry: Entry): void {
    const ring = this.#ring;
    const newest = ring.older!;
    entry.generation = this.#generation;
    entry.older = newest;
    entry.newer = ring;
    newest.newer = entry;
    ring.older = entry;
  }
}

function emptyRing(): Links {
  const ring: Links = { older: undefined, newer: undefined };
  ring.older = ring;
  ring.newer = ring;
  return ring;
}

function unlink(entry: Entry): void {
  entry.older!.newer = entry.newer;
  entry.newer!.older = entry.older;
}
