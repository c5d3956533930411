import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { StoreError } from '../store.ts';
import type { Quality } from './quality.ts';
import {
  FORGET_MS,
  type Kind,
  type Mark,
  type QualityStore,
  recordIn,
  type SourceRecord,
  storedMark,
  storedSource,
} from './records.ts';
import { isSameSelection, type Selection } from './selection.ts';

/** A failed load is repeated after this time. */
const RETRY_MS = 1000;

export interface RegistryDeps {
  readonly store: QualityStore;
  readonly quality: Quality;
  readonly clock: Pick<Clock, 'now'>;
  /** Called when L2 rejects a load, once until a load succeeds. */
  readonly onRejected?: (error: StoreError) => void;
}

/** The loads of one kind: several calls that arrive during a load share the next one. */
interface Loads {
  wanted: number;
  done: number;
  running: Promise<void> | undefined;
}

/** Sources and marks: changes them in L2, and keeps `Quality` up to date with L2. */
export class QualityRegistry {
  readonly quality: Quality;
  readonly #deps: RegistryDeps;
  readonly #loads: Readonly<Record<Kind, Loads>> = {
    sources: { wanted: 0, done: 0, running: undefined },
    marks: { wanted: 0, done: 0, running: undefined },
  };
  readonly #loaded = new Set<Kind>();
  #learning: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #rejected = false;
  #closed = false;

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
    this.quality = deps.quality;
    this.quality.learn = () => {
      this.#learning ??= this.#learn();
      return this.#learning;
    };
  }

  /** The source is alive now, and for `ttlMs`. @throws ServiceError */
  async heartbeat(name: string, selection: Selection, ttlMs: number): Promise<SourceRecord> {
    const { store, clock } = this.#deps;
    const { now } = clock;
    const source = { ...selection, name, heartbeatAt: now, ttlMs, until: now + ttlMs + FORGET_MS };
    await store.put('sources', storedSource(source), now);
    await this.#load('sources');
    return source;
  }

  /** Forgets the source: its values are not suspect any more. @returns whether it was known @throws ServiceError */
  async forget(name: string): Promise<boolean> {
    const known = this.quality.sources.some((source) => source.name === name);
    await this.#deps.store.remove('sources', [name]);
    await this.#load('sources');
    return known;
  }

  /**
   * The source with this name, also if another replica has just heard of it.
   * @throws ServiceError
   */
  async source(name: string): Promise<SourceRecord | undefined> {
    const known = () => this.quality.sources.find((source) => source.name === name);
    if (known() === undefined) this.#apply('sources', await this.#deps.store.load('sources'));
    return known();
  }

  /** @throws ServiceError */
  async mark(
    selection: Selection,
    { state, reason, ttlMs }: Pick<Mark, 'state' | 'reason'> & { readonly ttlMs: number },
  ): Promise<Mark> {
    const { store, clock } = this.#deps;
    const { now } = clock;
    const id = randomBytes(6).toString('hex');
    const mark = { ...selection, id, state, reason, createdAt: now, until: now + ttlMs };
    await store.put('marks', storedMark(mark), now);
    await this.#load('marks');
    return mark;
  }

  /**
   * The marks with exactly these keys, types and prefixes, also if another replica has just set them.
   * @throws ServiceError
   */
  async marksOf(selection: Selection): Promise<Mark[]> {
    this.#apply('marks', await this.#deps.store.load('marks'));
    return this.quality.marks.filter((mark) => isSameSelection(mark, selection));
  }

  /**
   * The mark with this id, also if another replica has just set it.
   * @throws ServiceError
   */
  async markOf(id: string): Promise<Mark | undefined> {
    const known = () => this.quality.marks.find((mark) => mark.id === id);
    if (known() === undefined) this.#apply('marks', await this.#deps.store.load('marks'));
    return known();
  }

  /** @throws ServiceError */
  async unmark(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#deps.store.remove('marks', ids);
    await this.#load('marks');
  }

  /** Loads the records of one kind, or of both, from L2; after a failure again. L2 may have changed. */
  reload(kind?: Kind): void {
    for (const each of kind === undefined ? (['sources', 'marks'] as const) : [kind]) void this.#load(each);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.quality.close();
  }

  /**
   * Where L2 is unreachable, it has no value to serve either, except that another server of a Cluster may have the records.
   * Values of the other servers are served then.
   */
  async #learn(): Promise<void> {
    const { store, quality } = this.#deps;
    try {
      const kinds = ['marks', 'sources'] as const;
      const texts = await Promise.all(kinds.map((kind) => store.load(kind, true)));
      for (const [i, kind] of kinds.entries()) this.#apply(kind, texts[i]!);
    } catch (error) {
      if (!(error instanceof StoreError) || error.reason === 'timeout') throw error;
      if (!error.passing) quality.learn = undefined;
    } finally {
      this.#learning = undefined;
    }
  }

  #load(kind: Kind): Promise<void> {
    const loads = this.#loads[kind];
    loads.wanted++;
    loads.running ??= this.#run(kind, loads);
    return loads.running;
  }

  async #run(kind: Kind, loads: Loads): Promise<void> {
    const { store, onRejected } = this.#deps;
    try {
      while (loads.done < loads.wanted && !this.#closed) {
        const { wanted } = loads;
        try {
          const texts = await store.load(kind);
          this.#apply(kind, texts);
          this.#rejected = false;
        } catch (error) {
          if (!(error instanceof StoreError)) throw error;
          if (error.reason === 'rejected' && !this.#rejected) {
            this.#rejected = true;
            onRejected?.(error);
          }
          this.#retryLater();
        }
        loads.done = wanted;
      }
    } finally {
      // In the step that finds nothing more to load: a call in a later step would wait for a run that has ended.
      loads.running = undefined;
    }
  }

  #apply(kind: Kind, texts: readonly string[]): void {
    const { quality } = this.#deps;
    this.#loaded.add(kind);
    if (this.#loaded.size === 2) quality.learn = undefined;
    if (kind === 'marks') quality.setMarks(texts.flatMap((text) => recordIn<Mark>(text) ?? []));
    else quality.setSources(texts.flatMap((text) => recordIn<SourceRecord>(text) ?? []));
  }

  #retryLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.reload(), RETRY_MS);
    this.#retry.unref();
  }
}
