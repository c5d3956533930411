import type { Connection } from './connection.ts';
import { isCode, type RatecacheError } from './errors.ts';
import { type Flight, Flights, invalidKey } from './flights.ts';
import type { NearCache } from './near-cache.ts';
import type { Settings } from './options.ts';
import type { Answer, Coherence, Item, Request } from './protocol.ts';
import type { Call } from './requests.ts';
import { foundIn, Result, type State } from './result.ts';
import { slicesOf, type TermMembers, termsOf } from './terms.ts';
import type { Watcher } from './watcher.ts';

/** How often a read is repeated because an event overtook its answer. */
const MAX_ATTEMPTS = 3;

/** Reads of keys that the near cache does not answer. */
export class Reads {
  readonly flights: Flights;
  readonly #connection: Connection;
  readonly #near: NearCache | undefined;
  readonly #watcher: Watcher | undefined;
  readonly #maxBatchKeys: number;

  constructor(connection: Connection, settings: Settings, near?: NearCache, watcher?: Watcher) {
    this.#connection = connection;
    this.#near = near;
    this.#watcher = watcher;
    this.#maxBatchKeys = settings.maxBatchKeys;
    this.flights = new Flights({
      ...settings,
      send: (flights) => this.#send(flights),
      isFull: () => !connection.isUp || connection.requests.isFull,
    });
    connection.requests.onRoom = () => this.flights.flush();
  }

  /** Reads keys on terms. No other caller shares the requests, and the near cache does not store the answers. */
  async onTerms(keys: readonly string[], members: TermMembers, call: Call): Promise<Result[]> {
    const terms = termsOf(members);
    const found = new Map<string, Result>();
    for (const key of keys) {
      if (typeof key !== 'string') throw invalidKey(key);
      const near = members.noCache ? undefined : this.#near?.peekOnTerms(key, terms);
      // The service decides when the minimum rate takes the place of a value.
      const asks = members.fallback !== undefined && (near?.status !== 'hit' || near.quality !== 'good');
      if (near !== undefined && !asks) found.set(key, near);
    }
    const rest = [...new Set(keys)].filter((key) => !found.has(key));
    await Promise.all(
      slicesOf(rest, this.#maxBatchKeys).map(async (slice) => {
        const { results = [], coherence } = await this.#ask({ op: 'mget', keys: slice, ...members }, call);
        for (const item of results) {
          found.set(item.key, this.#result(item, coherence));
          // An event about the newer value follows.
          if (item.status !== 'error' && this.#near?.versionOf(item.key) !== item.version)
            this.#near?.delete(item.key);
        }
      }),
    );
    return keys.map((key) => found.get(key)!);
  }

  /** A read whose connection is lost is sent again until its deadline. */
  async #ask(request: Request, { timeoutMs, signal }: Call): Promise<Answer> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const left = deadline - performance.now();
      try {
        return await this.#connection.requests.send(request, { timeoutMs: Math.max(1, left), signal });
      } catch (error) {
        if (!isCode(error, 'disconnected') || performance.now() >= deadline) throw error;
      }
    }
  }

  async #send(flights: readonly Flight[]): Promise<void> {
    const watcher = this.#watcher;
    const watches = watcher !== undefined && flights.some(({ key }) => !watcher.covers(key));
    return watches ? this.#readAndWatch(flights, watcher) : this.#read(flights);
  }

  async #read(flights: readonly Flight[]): Promise<void> {
    const [first, ...others] = flights as readonly [Flight, ...Flight[]];
    const request =
      others.length === 0
        ? { op: 'get', key: first.key }
        : { op: 'mget', keys: flights.map(({ key }) => key) };
    try {
      const answer = await this.#connection.requests.send(request, this.#callFor(flights));
      const items = answer.results ?? [answer as Item];
      for (const [i, flight] of flights.entries()) this.#answered(flight, items[i]!, answer.coherence);
    } catch (error) {
      const { code, message } = error as RatecacheError;
      if (code !== 'halted') return this.#failed(flights, error as RatecacheError);
      const item = {
        key: first.key,
        status: 'error',
        code,
        quality: 'halted',
        qualityReason: message,
      } as const;
      this.#answered(first, item, undefined);
    }
  }

  /** The snapshot of a subscription is the answer to the read: the service sends every later change after it. */
  async #readAndWatch(flights: readonly Flight[], watcher: Watcher): Promise<void> {
    const open = new Map(flights.map((flight) => [flight.key, flight]));
    const onPart = ({ snapshot = [], more, coherence }: Answer) => {
      for (const item of snapshot) {
        const flight = open.get(item.key);
        if (flight === undefined) continue;
        open.delete(item.key);
        this.#finish(flight, withStatus(item), coherence);
      }
      if (more === true) return;
      // Not after the `await` below: an event in the same TCP segment would come first, and the older miss would replace it.
      for (const flight of open.values())
        this.#finish(flight, { key: flight.key, status: 'miss' }, coherence);
      open.clear();
    };
    try {
      await watcher.watch([...open.keys()], { ...this.#callFor(flights), onPart });
    } catch (error) {
      const left = [...open.values()];
      const refused = !isCode(error, 'disconnected') && !isCode(error, 'timeout') && !isCode(error, 'closed');
      // Without a watch the keys can still be read.
      if (refused && left.length > 0) await this.#read(left);
      else this.#failed(left, error as RatecacheError);
    }
  }

  #callFor(flights: readonly Flight[]) {
    return { timeoutMs: this.flights.remaining(flights) };
  }

  #answered(flight: Flight, item: Item, coherence: Coherence | undefined): void {
    if (!flight.overtaken) return this.#finish(flight, item, coherence);
    const newer = this.#near?.peekTrusted(flight.key);
    if (newer !== undefined) return flight.resolve(newer);
    if (++flight.attempts < MAX_ATTEMPTS) return this.flights.again(flight);
    flight.resolve(this.#result(item, coherence));
  }

  #finish(flight: Flight, item: Item, coherence: Coherence | undefined): void {
    const { key } = flight;
    const near = this.#near;
    if (near !== undefined) {
      if (isStorable(item, coherence) && this.#watcher!.covers(key)) near.store(key, item);
      // The service does not know whether the key has a value.
      const known = item.code?.startsWith('l2_') && item.status !== 'hit' ? near.fallback(key) : undefined;
      if (known !== undefined) return flight.resolve(known);
    }
    flight.resolve(this.#result(item, coherence));
  }

  #failed(flights: readonly Flight[], error: RatecacheError): void {
    for (const flight of flights) {
      const known = this.#near?.fallback(flight.key);
      if (known !== undefined) flight.resolve(known);
      else if (isCode(error, 'disconnected')) this.flights.again(flight);
      else flight.reject(error);
    }
  }

  #result(item: Item, coherence: Coherence | undefined): Result {
    const { trust } = this.#connection;
    const state: State = coherence ?? (trust.coherence === 'off' ? 'off' : 'coherent');
    return new Result(foundIn(item), state, 'service', trust.timeAt(performance.now()));
  }
}

/** An item of a snapshot, as the answer to a `get` shows it. */
function withStatus(item: Item): Item {
  if (item.version !== undefined) return { ...item, status: 'hit' };
  return { ...item, status: item.code?.startsWith('l2_') ? 'miss' : 'error' };
}

/** Whether the item is the present state of the key, and not one that may be stale or unknown. */
export function isStorable({ status, code, ttl }: Item, coherence: Coherence | undefined): boolean {
  if (code !== undefined || coherence !== undefined) return false;
  return status === 'miss' || (status === 'hit' && ttl! > 0);
}
