/** What the server lacks or refuses, found while it is used. */
export type Limit = 'tracking' | 'scripts' | 'records' | 'quality';

const SENTENCES: Readonly<Record<Limit, string>> = {
  tracking: 'Redis does not report changes to the invalidation link',
  scripts: 'Redis refuses scripts, so only reads work: writes stay pending or fail',
  records:
    'The Redis user may not use the keys __ratecache__:write:*, so a repeated write is not recognised by its idempotency key',
  quality: 'The Redis user may not use the keys __ratecache__:quality:*, so sources and marks have no effect',
};

export class ServerLimits {
  readonly #found = new Map<Limit, string>();
  readonly #onFound: (limit: Limit, error: string) => void;

  /** @param onFound called once, until the server does what it refused */
  constructor(onFound: (limit: Limit, error: string) => void) {
    this.#onFound = onFound;
  }

  /** @param error the reply of the server */
  found(limit: Limit, error: string): void {
    const isNew = !this.#found.has(limit);
    this.#found.set(limit, `${SENTENCES[limit]} (${error})`);
    if (isNew) this.#onFound(limit, error);
  }

  /** The server does what it refused. */
  gone(limit: Limit): void {
    this.#found.delete(limit);
  }

  /** A sentence for each limit. */
  get sentences(): readonly string[] {
    return [...this.#found.values()];
  }
}
