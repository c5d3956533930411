/** The share of the pending writes that one client uses. */
interface Share {
  entries: number;
  bytes: number;
}

/** Counts the pending writes of each client, so that no client can use all of them. */
export class Shares {
  readonly #used = new Map<string, Share>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** Whether the client may use this much more. */
  hasRoom(client: string, entries: number, bytes: number): boolean {
    const used = this.#used.get(client) ?? { entries: 0, bytes: 0 };
    return used.entries + entries <= this.#maxEntries && used.bytes + bytes <= this.#maxBytes;
  }

  /** Adds to what the client uses; negative numbers release it. */
  add(client: string, entries: number, bytes: number): void {
    const used = this.#used.get(client) ?? { entries: 0, bytes: 0 };
    used.entries += entries;
    used.bytes += bytes;
    if (used.entries === 0) this.#used.delete(client);
    else this.#used.set(client, used);
  }
}
