import type { Connection } from './connection.ts';
import { isCode, isGivenUp, type RatecacheError } from './errors.ts';
import type { NearCache } from './near-cache.ts';
import type { Settings } from './options.ts';
import { type Answer, type Position, typeOf } from './protocol.ts';
import type { Call } from './requests.ts';
import { type Watch, Watches } from './watches.ts';

/** A snapshot of a type with many keys takes its time. */
const SNAPSHOT_TIMEOUT_MS = 60_000;

/** Subscribes to the keys of the near cache. */
export class Watcher {
  readonly #connection: Connection;
  readonly #near: NearCache;
  readonly #watches: Watches;
  /** Whether a subscription of the program covers the key. */
  readonly #isSubscribed: (key: string) => boolean;
  /** The present plan. An older one must change nothing any more. */
  #plan = 0;
  #isPlanning = false;
  /** Before watches by type are repeated. */
  readonly #pauses = new Set<ReturnType<typeof setTimeout>>();

  constructor(
    connection: Connection,
    { nearCache, maxBatchKeys }: Settings,
    near: NearCache,
    isSubscribed: (key: string) => boolean,
  ) {
    this.#connection = connection;
    this.#near = near;
    this.#watches = new Watches(nearCache!.keysPerType, maxBatchKeys);
    this.#isSubscribed = isSubscribed;
  }

  covers(key: string): boolean {
    return this.#watches.covers(key) || this.#isSubscribed(key);
  }

  /** Reads keys and watches them from now on. Resolves with the last part of the snapshot. */
  async watch(keys: readonly string[], call: Call): Promise<Answer> {
    const id = this.#connection.requests.nextId();
    try {
      this.#watches.add(id, { keys });
      const answer = await this.#subscribe(id, { keys }, call);
      // A newer plan does not know this watch.
      if (!this.#watches.has(id)) this.#unsubscribe(id);
      return answer;
    } catch (error) {
      this.#drop(id, error);
      throw error;
    } finally {
      if (this.#watches.isCrowded && !this.#isPlanning) void this.#merge();
    }
  }

  /**
   * Watches all keys of the near cache on a new connection, or after all subscriptions were ended.
   * @param resume the position at which all entries were current
   */
  async watchAll(resume?: Position): Promise<void> {
    this.#watches.clear();
    await this.#follow(++this.#plan, resume);
  }

  /** Repeats nothing any more. */
  close(): void {
    for (const pause of this.#pauses) clearTimeout(pause);
  }

  /** Replaces many subscriptions by few. */
  async #merge(): Promise<void> {
    const old = this.#watches.clear();
    const plan = ++this.#plan;
    await this.#follow(plan);
    for (const id of old) this.#unsubscribe(id);
  }

  async #follow(plan: number, resume?: Position): Promise<void> {
    this.#isPlanning = true;
    const keys = Array.from(this.#near.keys()).filter((key) => !this.#isSubscribed(key));
    await Promise.all(this.#watches.plan(keys).map((watch) => this.#renew(watch, resume)));
    if (plan === this.#plan) this.#isPlanning = false;
  }

  async #renew(watch: Watch, resume: Position | undefined): Promise<void> {
    const plan = this.#plan;
    const id = this.#connection.requests.nextId();
    this.#watches.add(id, watch);
    const found = new Set<string>();
    const onPart = ({ snapshot = [], coherence }: Answer) => {
      if (plan !== this.#plan) return;
      for (const item of snapshot) {
        found.add(item.key);
        // A watch by type also finds keys that nobody has read.
        if (!this.#near.has(item.key)) continue;
        if (coherence === undefined && item.code === undefined && item.ttl! > 0)
          this.#near.store(item.key, item);
        else if (coherence === undefined) this.#near.delete(item.key);
      }
    };
    try {
      const call = { timeoutMs: SNAPSHOT_TIMEOUT_MS, onPart };
      const { resumed } = await this.#subscribe(id, watch, call, resume);
      if (plan === this.#plan) this.#settleMissing(watch, found, resumed === true);
    } catch (error) {
      if (plan === this.#plan) await this.#failed(id, watch, plan, error as RatecacheError);
    }
  }

  /** A full snapshot has no keys that were deleted. One after a resume has no keys that did not change. */
  #settleMissing(watch: Watch, found: ReadonlySet<string>, resumed: boolean): void {
    const covered =
      'types' in watch
        ? Array.from(this.#near.keys()).filter((key) => typeOf(key) === watch.types[0])
        : watch.keys;
    for (const key of covered) {
      if (found.has(key)) continue;
      if (resumed) this.#near.confirm(key);
      else this.#near.delete(key);
    }
  }

  /** A watch by key is made again when the key is read. A watch by type is repeated, unless the service refuses it. */
  async #failed(id: number, watch: Watch, plan: number, error: RatecacheError): Promise<void> {
    const { retryAfterMs } = error;
    this.#drop(id, error);
    // The next connection makes a new plan.
    if (isCode(error, 'disconnected') || isCode(error, 'closed')) return;
    if (!('types' in watch)) return;
    if (retryAfterMs === undefined) return this.#watches.refuse(watch.types[0]);
    await new Promise<void>((resume) => {
      const pause = setTimeout(() => {
        this.#pauses.delete(pause);
        resume();
      }, retryAfterMs);
      this.#pauses.add(pause);
    });
    if (plan === this.#plan && this.#connection.isUp) await this.#renew(watch, undefined);
  }

  /** Ends a watch that failed. Its entries would miss changes. */
  #drop(id: number, error: unknown): void {
    if (isGivenUp(error)) this.#unsubscribe(id);
    const watch = this.#watches.remove(id);
    if (watch === undefined) return;
    if ('keys' in watch) for (const key of watch.keys) this.#near.delete(key);
    else this.#near.deleteWhere((key) => typeOf(key) === watch.types[0] && !this.covers(key));
  }

  #unsubscribe(subscription: number): void {
    // If the connection was lost, the service has ended the subscription.
    if (!this.#connection.isUp) return;
    const request = { op: 'unsubscribe', subscription };
    this.#connection.requests.send(request, { timeoutMs: SNAPSHOT_TIMEOUT_MS }).catch(() => {});
  }

  #subscribe(id: number, watch: Watch, call: Call, resume?: Position): Promise<Answer> {
    const request = { op: 'subscribe', ...watch, values: true, ...(resume && { resume }) };
    return this.#connection.requests.send(request, call, id);
  }
}
