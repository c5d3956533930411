import type { Clock } from '../clock.ts';
import type { Entry } from '../entry.ts';
import type { Mark, SourceRecord } from './records.ts';
import { namesOf, type Selection, SelectionIndex, unionOf } from './selection.ts';

/** Why a value is not good. */
export interface Verdict {
  readonly quality: 'suspect' | 'halted';
  readonly reason: string;
}

/** Why the minimum rate may take the place of a borrow rate. */
export type FallbackCause = 'miss' | 'suspect' | 'halted';

/** The clock may be stepped, so it is read at least this often while a change is due. */
const LONGEST_WAIT_MS = 1000;

/** When a source counts as dead unless another heartbeat arrives, in ms since 1970. */
export function diesAt({ heartbeatAt, ttlMs }: SourceRecord): number {
  return heartbeatAt + ttlMs;
}

/**
 * The quality of values. A value is
 *
 * - `halted` while a mark with this state covers its key,
 * - `suspect` while a mark with this state covers its key, while its source is dead and it was stored before the source
 *   died, or if its writer called it suspect,
 * - good otherwise.
 *
 * A value belongs to each source whose types and prefixes cover its key, unless the value names another source.
 *
 * The quality of a value changes only when a mark or a heartbeat arrives or ends, or when the key is written. So every
 * change can be reported when it happens.
 */
export class Quality {
  /** Whether a mark exists or a source is dead. A hit pays for this test only while it is false. */
  active = false;
  /** When the minimum rate takes the place of a borrow rate, for readers who ask for it. */
  readonly fallbackOn: ReadonlySet<FallbackCause>;
  /** Called when the quality of keys of the selection may have changed. */
  onChange: ((selection: Selection) => void) | undefined;
  /**
   * Loads the sources and marks of L2. It must have resolved before the first value of L2 is served, or a halted value would
   * be. Undefined when they have been loaded. Rejects with a StoreError where L2 does not answer in time.
   */
  learn: (() => Promise<void>) | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  #marks: readonly Mark[] = [];
  #sources: readonly SourceRecord[] = [];
  /** As loaded, with the records that have expired. */
  #loadedMarks: readonly Mark[] = [];
  #loadedSources: readonly SourceRecord[] = [];
  #dead: readonly SourceRecord[] = [];
  #markIndex = new SelectionIndex<Mark>([]);
  #deadIndex = new SelectionIndex<SourceRecord>([]);
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Pick<Clock, 'now'>, fallbackOn: readonly FallbackCause[] = ['miss']) {
    this.#clock = clock;
    this.fallbackOn = new Set(fallbackOn);
  }

  /** The marks that have not ended, oldest first. */
  get marks(): readonly Mark[] {
    return this.#marks;
  }

  /** The known sources, by name. */
  get sources(): readonly SourceRecord[] {
    return this.#sources;
  }

  /** The number of sources whose heartbeats stopped. */
  get deadSources(): number {
    return this.#dead.length;
  }

  isDead(source: SourceRecord): boolean {
    return this.#clock.now >= diesAt(source);
  }

  setMarks(marks: readonly Mark[]): void {
    this.#loadedMarks = marks.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    this.check();
  }

  setSources(sources: readonly SourceRecord[]): void {
    this.#loadedSources = sources.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.check();
  }

  /** The mark that halts the key; undefined if no mark does. */
  haltOf(key: string): Verdict | undefined {
    if (this.#markIndex.size === 0) return undefined;
    const mark = this.#markIndex.of(key).findLast(({ state }) => state === 'halted');
    return mark && { quality: 'halted', reason: mark.reason };
  }

  /** Why the value is not good; undefined for a good value. */
  of(entry: Entry): Verdict | undefined {
    const { key, origin, storedAt } = entry;
    if (this.active) {
      const halt = this.haltOf(key);
      if (halt !== undefined) return halt;
      const mark = this.#markIndex.of(key).at(-1);
      if (mark !== undefined) return { quality: 'suspect', reason: mark.reason };
      const dead = this.#deadIndex
        .of(key)
        .find(
          (source) =>
            storedAt < diesAt(source) && (origin?.source === undefined || origin.source === source.name),
        );
      if (dead !== undefined) return { quality: 'suspect', reason: deathOf(dead) };
    }
    return origin?.suspect ? CALLED_SUSPECT : undefined;
  }

  /** Names the marks and the dead sources that concern a key. */
  concerning(key: string): { readonly marks: readonly Mark[]; readonly sources: readonly SourceRecord[] } {
    const covers = new SelectionIndex(this.#sources);
    return { marks: this.#markIndex.of(key), sources: covers.of(key) };
  }

  /** Applies what has ended since the last call, and reports the selections whose quality may have changed. */
  check(): void {
    const { now } = this.#clock;
    const before = { marks: this.#marks, dead: this.#dead };
    this.#marks = this.#loadedMarks.filter(({ until }) => until > now);
    this.#sources = this.#loadedSources.filter(({ until }) => until > now);
    this.#dead = this.#sources.filter((source) => diesAt(source) <= now);
    const changed = [
      ...difference(before.marks, this.#marks, ({ id }) => id),
      ...difference(before.dead, this.#dead, ({ name, heartbeatAt }) => `${heartbeatAt} ${name}`),
    ];
    if (changed.length > 0) {
      this.#markIndex = new SelectionIndex(this.#marks);
      this.#deadIndex = new SelectionIndex(this.#dead);
      this.active = this.#marks.length + this.#dead.length > 0;
    }
    this.#wait(now);
    // One report: for each, the listener looks through all keys that it knows.
    const selection = unionOf(changed);
    if (namesOf(selection) > 0) this.onChange?.(selection);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Sets the timer for the next end of a mark or a source. */
  #wait(now: number): void {
    clearTimeout(this.#timer);
    const due = [
      ...this.#marks.map(({ until }) => until),
      ...this.#sources.map((source) => (diesAt(source) > now ? diesAt(source) : source.until)),
    ];
    if (due.length === 0) return;
    const next = due.reduce((first, at) => Math.min(first, at));
    this.#timer = setTimeout(() => this.check(), Math.min(LONGEST_WAIT_MS, Math.max(1, next - now)));
    this.#timer.unref();
  }
}

const CALLED_SUSPECT: Verdict = { quality: 'suspect', reason: 'its writer called the value suspect' };

function deathOf(source: SourceRecord): string {
  return `the source ${source.name} has sent no heartbeat since ${new Date(source.heartbeatAt).toISOString()}`;
}

/** The items that are in one list only. */
function difference<Item>(a: readonly Item[], b: readonly Item[], nameOf: (item: Item) => string): Item[] {
  const [inA, inB] = [a, b].map((items) => new Set(items.map(nameOf))) as [Set<string>, Set<string>];
  return [...a.filter((item) => !inB.has(nameOf(item))), ...b.filter((item) => !inA.has(nameOf(item)))];
}
