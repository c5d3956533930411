/** The reads of a sampled request: a span for the lookups in L1, and a span for the wait for flights. */
import type { TraceSpan } from '../tracing/tracing.ts';
import type { CoherenceState } from './bus.ts';
import type { Entry } from './entry.ts';
import type { Loaded, Source } from './loaded.ts';

/** How a request reads keys. */
export interface Reads {
  peek(key: string): Entry | undefined;
  load(key: string, span?: TraceSpan): Promise<Loaded>;
}

/**
 * Calls `read` with reads that record their steps in the span. All lookups in L1 must happen before `read` returns; loads may
 * end later. Without a span `read` receives the reads themselves.
 */
export function tracedReads<T>(reads: Reads, span: TraceSpan | undefined, read: (reads: Reads) => T): T {
  if (span === undefined) return read(reads);
  const traced = new TracedReads(reads, span);
  try {
    return read(traced);
  } finally {
    traced.endLookups();
  }
}

class TracedReads implements Reads {
  readonly #reads: Reads;
  readonly #request: TraceSpan;
  #lookups: TraceSpan | undefined;
  #keys = 0;
  #hits = 0;
  /** The span of all loads that are open. Many keys of one request share it. */
  #flight: TraceSpan | undefined;
  #open = 0;
  #tier: Source | 'mixed' | undefined;

  constructor(reads: Reads, request: TraceSpan) {
    this.#reads = reads;
    this.#request = request;
  }

  peek(key: string): Entry | undefined {
    this.#lookups ??= this.#request.child('L1');
    const entry = this.#reads.peek(key);
    this.#keys++;
    if (entry !== undefined) {
      this.#hits++;
      this.#answeredBy('l1');
    }
    return entry;
  }

  endLookups(): void {
    const lookups = this.#lookups;
    if (lookups === undefined) return;
    lookups.set('ratecache.keys', this.#keys);
    lookups.set('ratecache.hits', this.#hits);
    lookups.end();
  }

  async load(key: string): Promise<Loaded> {
    this.#flight ??= this.#request.child('flight');
    const flight = this.#flight;
    this.#open++;
    try {
      const loaded = await this.#reads.load(key, flight);
      this.#answeredBy(loaded.source);
      return loaded;
    } catch (error) {
      flight.fail((error as Error).message);
      throw error;
    } finally {
      if (--this.#open === 0) {
        flight.end();
        this.#flight = undefined;
      }
    }
  }

  /** The attribute of the request is the tier of its keys, or `mixed`. */
  #answeredBy(source: Source): void {
    this.#tier = this.#tier === undefined || this.#tier === source ? source : 'mixed';
    this.#request.set('ratecache.tier', this.#tier);
  }
}

/** Records what the reader of a key may rely on, and how old the value is. */
export function describeRead(
  span: TraceSpan,
  state: CoherenceState,
  entry: Entry | undefined,
  now: number,
): void {
  span.set('ratecache.state', state);
  if (entry !== undefined) span.set('ratecache.age', Math.max(0, now - entry.from) / 1000);
}
