import { RatecacheError } from './errors.ts';
import type { Result } from './result.ts';

/** One read of a key, which all callers that want the key share. */
export interface Flight {
  readonly key: string;
  readonly promise: Promise<Result>;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  /** When the last caller stops waiting, by `performance.now()`. */
  deadline: number;
  /** An event for the key arrived after the request was sent. So the answer may be older than the event. */
  overtaken: boolean;
  attempts: number;
}

export interface FlightOptions {
  readonly maxInFlight: number;
  readonly maxBatchKeys: number;
  /** Sends the reads of one turn as one request. */
  readonly send: (flights: readonly Flight[]) => Promise<void>;
  /** Whether no request can be sent now. Reads then wait, and leave together at the next `flush`. */
  readonly isFull: () => boolean;
}

// Browsers have no setImmediate. A microtask collects what one callback reads.
const atEndOfTurn: (run: () => void) => void = globalThis.setImmediate ?? queueMicrotask;

/** Joins reads of the same key, and sends all reads of one turn of the event loop together. */
export class Flights {
  readonly #options: FlightOptions;
  readonly #open = new Map<string, Flight>();
  #waiting: Flight[] = [];
  #isScheduled = false;

  constructor(options: FlightOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  has(key: string): boolean {
    return this.#open.has(key);
  }

  join(key: string, timeoutMs: number): Promise<Result> {
    if (typeof key !== 'string') return Promise.reject(invalidKey(key));
    const deadline = performance.now() + timeoutMs;
    const open = this.#open.get(key);
    if (open !== undefined) {
      open.deadline = Math.max(open.deadline, deadline);
      return open.promise;
    }
    const { maxInFlight } = this.#options;
    if (this.#open.size >= maxInFlight) this.#expire();
    if (this.#open.size >= maxInFlight)
      return Promise.reject(
        new RatecacheError('too_many_requests', `at most ${maxInFlight} keys may be in flight`),
      );
    const { promise, resolve, reject } = promiseWithResolvers<Result>();
    const flight: Flight = {
      key,
      promise,
      deadline,
      overtaken: false,
      attempts: 0,
      resolve: (result) => {
        this.#open.delete(key);
        resolve(result);
      },
      reject: (error) => {
        this.#open.delete(key);
        reject(error);
      },
    };
    this.#open.set(key, flight);
    this.#enqueue(flight);
    return promise;
  }

  /** Sends a read again, unless nobody waits for it any more. */
  again(flight: Flight): void {
    flight.overtaken = false;
    if (performance.now() < flight.deadline) this.#enqueue(flight);
    else flight.reject(new RatecacheError('timeout', 'no answer in time'));
  }

  overtake(key: string): void {
    const flight = this.#open.get(key);
    if (flight !== undefined) flight.overtaken = true;
  }

  overtakeWhere(matches: (key: string) => boolean): void {
    for (const flight of this.#open.values()) if (matches(flight.key)) flight.overtaken = true;
  }

  close(error: RatecacheError): void {
    for (const flight of [...this.#open.values()]) flight.reject(error);
    this.#waiting = [];
  }

  /** Sends the waiting reads, as far as requests can be sent. */
  flush(): void {
    this.#isScheduled = false;
    const { isFull, maxBatchKeys, send } = this.#options;
    if (isFull()) return;
    this.#expire();
    while (this.#waiting.length > 0 && !isFull()) {
      const batch = this.#waiting.splice(0, maxBatchKeys);
      for (const flight of batch) flight.overtaken = false;
      // Otherwise later reads of these keys would share reads that never end.
      send(batch).catch((error: unknown) => {
        for (const flight of batch) flight.reject(error);
      });
    }
  }

  /** How long the last caller of these reads still waits, in ms. */
  remaining(flights: readonly Flight[]): number {
    const last = flights.reduce((latest, { deadline }) => Math.max(latest, deadline), 0);
    return Math.max(1, last - performance.now());
  }

  /** Ends the reads for which nobody waits any more. */
  #expire(): void {
    const now = performance.now();
    const isLate = ({ deadline }: Flight) => deadline <= now;
    const late = this.#waiting.filter(isLate);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter((flight) => !isLate(flight));
    for (const flight of late) flight.reject(new RatecacheError('timeout', 'no connection in time'));
  }

  #enqueue(flight: Flight): void {
    this.#waiting.push(flight);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    atEndOfTurn(() => this.flush());
  }
}

/** What a read fails with if its key is not a string. */
export function invalidKey(key: unknown): RatecacheError {
  return new RatecacheError('argument_invalid', `a key must be a string, not ${typeof key}`);
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function promiseWithResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
