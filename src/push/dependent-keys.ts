import type { Dependents } from '../cache/dependencies/dependents.ts';

/** The subscribed keys that depend on others, by their inputs. Other dependents are not listed anywhere. */
export class DependentKeys {
  readonly #dependents: Dependents | undefined;
  readonly #byGroup = new Map<string, Set<string>>();

  constructor(dependents: Dependents | undefined) {
    this.#dependents = dependents;
  }

  /** The first subscription to the key has begun. */
  add(key: string): void {
    for (const group of this.#groupsOf(key)) {
      const keys = this.#byGroup.get(group);
      if (keys === undefined) this.#byGroup.set(group, new Set([key]));
      else keys.add(key);
    }
  }

  /** The last subscription to the key has ended. */
  remove(key: string): void {
    for (const group of this.#groupsOf(key)) {
      const keys = this.#byGroup.get(group)!;
      keys.delete(key);
      if (keys.size === 0) this.#byGroup.delete(group);
    }
  }

  /** The keys that depend on the input; on any input for undefined. */
  of(input: string | undefined): Set<string> {
    const found = new Set<string>();
    const groups =
      input === undefined ? this.#byGroup.keys() : (this.#dependents?.changes.groupsOfInput(input) ?? []);
    for (const group of groups) for (const key of this.#byGroup.get(group) ?? []) found.add(key);
    return found;
  }

  #groupsOf(key: string): readonly string[] {
    return this.#dependents?.isDependent(key) ? this.#dependents.changes.groupsOf(key) : [];
  }
}
