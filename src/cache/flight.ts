import type { Counters } from '../metrics/counters.ts';

/** A read of one key on its way to L2 and back. */
export interface Flight {
  /** True once something happened to the key that the flight's answer may not know of. */
  fenced: boolean;
  /** How many reads its answer is for. */
  readers: number;
  /** Whether its answer is to enter L1. */
  fill: boolean;
}

interface Open<T> extends Flight {
  answer: Promise<T>;
}

/**
 * At most one flight a key: whoever asks for a key that is already on its way joins. A fence parts the
 * flights opened before an event from those opened after it. The interleaving it defends against:
 *
 *   1. a flight leaves for L2 and reads the old value there;
 *   2. the key is written or invalidated, and L1 drops what it holds;
 *   3. the flight's answer arrives and puts the old value into L1, where it stays.
 *
 * A fenced flight still answers those who joined it before (their reads overlap the event, so either value is
 * right), but it must not fill L1, and nobody may join it any more.
 */
export class Flights<T> {
  readonly #open = new Map<string, Open<T>>();
  readonly #counters: Counters;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /**
   * Joins the key's flight, or opens one with `start`, which is told whether it was fenced by its flight.
   * @param readers how many reads this is: none for a load that nobody asked for
   * @param fill whether the answer is to enter L1; one of those who join is enough
   */
  join(key: string, readers: number, fill: boolean, start: (flight: Flight) => Promise<T>): Promise<T> {
    const joined = this.#open.get(key);
    if (joined !== undefined) {
      this.#counters.joinedFlights++;
      joined.readers += readers;
      joined.fill ||= fill;
      return joined.answer;
    }
    const flight: Open<T> = { fenced: false, readers, fill, answer: undefined as unknown as Promise<T> };
    this.#open.set(key, flight);
    flight.answer = this.#fly(key, flight, start);
    return flight.answer;
  }

  // Not `finally` of the promise, which makes three more of them for each read of L2.
  async #fly(key: string, flight: Open<T>, start: (flight: Flight) => Promise<T>): Promise<T> {
    try {
      return await start(flight);
    } finally {
      if (this.#open.get(key) === flight) this.#open.delete(key);
    }
  }

  fence(key: string): void {
    const flight = this.#open.get(key);
    if (flight === undefined) return;
    flight.fenced = true;
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
