import type { Counters } from '../metrics/counters.ts';
import type { TraceSpan } from '../tracing/tracing.ts';

/** A read of one key that has left for L2 and has not been answered. */
export interface Flight {
  /** True once the key changed after the flight left: its answer may be the old value. */
  fenced: boolean;
  /** The number of reads that wait for the answer. */
  readers: number;
  /** Whether the answer may enter L1. */
  fill: boolean;
  /** The span of the read that opened it, if that read is traced. */
  readonly span: TraceSpan | undefined;
}

interface Open<T> extends Flight {
  answer: Promise<T>;
}

/**
 * At most one open flight for each key: a read of a key that is in flight joins it. A fence separates the flights that
 * left before a change from later ones. The interleaving it defends against:
 *
 *   1. a flight leaves for L2 and reads the old value there;
 *   2. the key is written or invalidated, and L1 drops its entry;
 *   3. the flight's answer arrives and puts the old value into L1, where it stays.
 *
 * A fenced flight still answers the reads that joined it before: they overlap the change, so either value is correct.
 * But it must not fill L1, and later reads must not join it.
 */
export class Flights<T> {
  readonly #open = new Map<string, Open<T>>();
  readonly #counters: Counters;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /**
   * Joins the open flight of the key, or opens one with `start`. `start` sees in its flight whether it was fenced, and
   * calls `landed` when L2 has answered.
   * @param readers the number of reads this call counts as; 0 for a refresh
   * @param fill whether the answer may enter L1; one caller that allows it is enough
   * @param span the span of this read, if it is traced
   */
  join(
    key: string,
    readers: number,
    fill: boolean,
    start: (flight: Flight) => Promise<T>,
    span?: TraceSpan,
  ): Promise<T> {
    const joined = this.#open.get(key);
    if (joined !== undefined) {
      if (span !== undefined) traceJoin(span, joined);
      this.#counters.joinedFlights++;
      joined.readers += readers;
      joined.fill ||= fill;
      return joined.answer;
    }
    const flight: Open<T> = {
      fenced: false,
      readers,
      fill,
      span,
      answer: undefined as unknown as Promise<T>,
    };
    flight.answer = start(flight);
    this.#open.set(key, flight);
    return flight.answer;
  }

  /**
   * L2 has answered the flight, so later reads of its key open another one. The owner of the flight calls it: a
   * `finally` here would allocate more promises for each read of L2.
   */
  landed(key: string, flight: Flight): void {
    if (this.#open.get(key) === flight) this.#open.delete(key);
  }

  fence(key: string): void {
    const flight = this.#open.get(key);
    if (flight === undefined) return;
    flight.fenced = true;
    flight.span?.set('ratecache.flight.fenced', true);
    this.#counters.fencedFlights++;
    this.#open.delete(key);
  }

  fenceWhere(matches: (key: string) => boolean): void {
    for (const key of this.#open.keys()) if (matches(key)) this.fence(key);
  }

  get size(): number {
    return this.#open.size;
  }
}

/** The read waits for a flight that another read has opened. */
function traceJoin(span: TraceSpan, joined: Flight): void {
  span.set('ratecache.flight.joined', true);
  // Both may be keys of one request.
  if (joined.span !== undefined && joined.span !== span) span.link(joined.span);
}
