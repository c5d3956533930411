/** Whether new work should be sent here: it should while nothing holds it up. */
export class Readiness {
  readonly #holds = new Set<string>();

  /** Not ready, for this reason, until it is released. */
  hold(reason: string): void {
    this.#holds.add(reason);
  }

  release(reason: string): void {
    this.#holds.delete(reason);
  }

  /** Why not, or undefined when ready. */
  get reason(): string | undefined {
    return this.#holds.size === 0 ? undefined : [...this.#holds].join(', ');
  }
}
