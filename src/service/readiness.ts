/** Whether load balancers should send requests to this process: they should while no reason is held. */
export class Readiness {
  readonly #holds = new Set<string>();

  /** Makes the process not ready for this reason, until `release`. */
  hold(reason: string): void {
    this.#holds.add(reason);
  }

  release(reason: string): void {
    this.#holds.delete(reason);
  }

  /** Why the process is not ready, or undefined if it is. */
  get reason(): string | undefined {
    return this.#holds.size === 0 ? undefined : [...this.#holds].join(', ');
  }
}
