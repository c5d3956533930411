import { typeOf } from './protocol.ts';

/** Subscriptions to keys of the near cache before they are merged. The service allows 1,000 for each socket. */
const MOST_SUBSCRIPTIONS = 200;

/** What one subscription of the near cache covers. */
export type Watch = { readonly keys: readonly string[] } | { readonly types: readonly [string] };

/**
 * Which keys the service watches for the near cache: by key, or by data type once there are many. Eviction does not end a
 * watch; the next plan leaves evicted keys out.
 */
export class Watches {
  readonly #keysPerType: number;
  readonly #maxKeys: number;
  readonly #keys = new Set<string>();
  readonly #types = new Set<string>();
  /** Types that may not be watched as a whole, for example because the token allows only a part of their keys. */
  readonly #refused = new Set<string>();
  readonly #countOf = new Map<string, number>();
  readonly #byId = new Map<number, Watch>();
  #mergeAt = MOST_SUBSCRIPTIONS;

  constructor(keysPerType: number, maxKeys: number) {
    this.#keysPerType = keysPerType;
    this.#maxKeys = maxKeys;
  }

  covers(key: string): boolean {
    return this.#keys.has(key) || this.#types.has(typeOf(key));
  }

  add(id: number, watch: Watch): void {
    this.#byId.set(id, watch);
    if ('types' in watch) this.#types.add(watch.types[0]);
    else for (const key of watch.keys) this.#addKey(key);
  }

  /** Whether a new plan would need fewer subscriptions. */
  get isCrowded(): boolean {
    if (this.#byId.size >= this.#mergeAt) return true;
    for (const [type, count] of this.#countOf)
      if (count > this.#keysPerType && !this.#types.has(type) && !this.#refused.has(type)) return true;
    return false;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  /** Ends one watch, and returns it. Its keys count as not watched, even if another watch covers them. */
  remove(id: number): Watch | undefined {
    const watch = this.#byId.get(id);
    if (watch === undefined) return undefined;
    this.#byId.delete(id);
    if ('types' in watch) this.#types.delete(watch.types[0]);
    else for (const key of watch.keys) this.#removeKey(key);
    return watch;
  }

  refuse(type: string): void {
    this.#refused.add(type);
  }

  /** Forgets all watches, and returns the ids of their subscriptions. */
  clear(): readonly number[] {
    const ids = [...this.#byId.keys()];
    this.#byId.clear();
    this.#keys.clear();
    this.#types.clear();
    this.#countOf.clear();
    return ids;
  }

  /** The fewest watches that cover these keys. */
  plan(keys: Iterable<string>): Watch[] {
    const byType = new Map<string, string[]>();
    for (const key of keys) {
      const type = typeOf(key);
      const known = byType.get(type);
      if (known === undefined) byType.set(type, [key]);
      else known.push(key);
    }
    const single: string[] = [];
    const plan: Watch[] = [];
    for (const [type, of] of byType) {
      if (of.length > this.#keysPerType && !this.#refused.has(type)) plan.push({ types: [type] });
      else single.push(...of);
    }
    for (let i = 0; i < single.length; i += this.#maxKeys)
      plan.push({ keys: single.slice(i, i + this.#maxKeys) });
    this.#mergeAt = Math.max(MOST_SUBSCRIPTIONS, 2 * plan.length);
    return plan;
  }

  #removeKey(key: string): void {
    if (!this.#keys.delete(key)) return;
    const type = typeOf(key);
    this.#countOf.set(type, this.#countOf.get(type)! - 1);
  }

  #addKey(key: string): void {
    if (this.#keys.has(key)) return;
    const type = typeOf(key);
    this.#keys.add(key);
    this.#countOf.set(type, (this.#countOf.get(type) ?? 0) + 1);
  }
}
