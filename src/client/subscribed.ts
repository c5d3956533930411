import type { Flights } from './flights.ts';
import type { NearCache } from './near-cache.ts';
import type { Answer, Item } from './protocol.ts';
import { isStorable } from './reads.ts';
import type { Watcher } from './watcher.ts';

/** A subscription, as the near cache sees it. */
interface Cover {
  readonly covers: (key: string) => boolean;
  /** Whether the service reports every change of the keys at once. */
  readonly isPrompt: boolean;
}

/** The entries of the near cache that subscriptions of the program cover. */
export class Subscribed {
  readonly #near: NearCache;
  readonly #watcher: Watcher;
  readonly #flights: Flights;

  constructor(near: NearCache, watcher: Watcher, flights: Flights) {
    this.#near = near;
    this.#watcher = watcher;
    this.#flights = flights;
  }

  onItem(subscription: Cover, item: Item, { coherence }: Answer): void {
    if (!subscription.isPrompt) return;
    const status = item.version === undefined ? 'error' : 'hit';
    if (isStorable({ ...item, status }, coherence)) this.#near.store(item.key, item);
    else this.#near.delete(item.key);
  }

  /** The snapshot is complete. Other keys have no value; after a resume, they did not change. */
  onComplete(subscription: Cover, found: ReadonlySet<string>, resumed: boolean): void {
    if (!subscription.isPrompt) return;
    const isMissing = (key: string) => subscription.covers(key) && !found.has(key);
    if (!resumed) return this.#near.deleteWhere(isMissing);
    for (const key of this.#near.keys()) if (isMissing(key)) this.#near.confirm(key);
  }

  /** The service refused the subscription. Answers to earlier reads may be older than changes that it did not report. */
  onRefused(subscription: Cover): void {
    this.#flights.overtakeWhere(subscription.covers);
    this.onEnd(subscription);
  }

  /** Drops the entries that only this subscription covered. */
  onEnd({ covers }: Cover): void {
    this.#near.deleteWhere((key) => covers(key) && !this.#watcher.covers(key));
  }
}
