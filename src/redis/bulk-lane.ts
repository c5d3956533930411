/** How much is under way at a time, in bytes. */
const SLICE_BYTES = 1024 * 1024;

/** The longest that anything waits, in its queue and for Redis, in milliseconds. */
export const BULK_TIMEOUT_MS = 2000;

/** Does one kind of thing for several keys at a time. */
export interface Carrier<Item> {
  /** Most items at a time. */
  readonly most: number;
  /**
   * Sends items, whose outcomes are the carrier's matter.
   * @param leftMs how long it may take
   */
  readonly send: (items: Item[], leftMs: number) => Promise<void>;
  /** The item was not sent in time. */
  readonly expire: (item: Item) => void;
}

interface Cargo {
  readonly key: string;
  readonly bytes: number;
  readonly deadline: number;
  readonly item: unknown;
  readonly carrier: Carrier<unknown>;
}

export interface BulkLaneDeps {
  /** Settles once what was sent on the other connection before now is answered. */
  readonly others: () => Promise<unknown>;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/**
 * Sends large values in order, a slice of about a mebibyte at a time, by a connection of their own, so that small
 * reads and writes do not wait behind them.
 *
 * What concerns one key takes effect, and is answered, in the order in which it was asked for, although there are two
 * connections: while a key is here, everything of that key comes here (`holds`), and a slice leaves only when what was
 * sent on the other connection before it is answered.
 */
export class BulkLane {
  readonly #others: () => Promise<unknown>;
  readonly #now: () => number;
  readonly #queue: Cargo[] = [];
  /** How often each key is here, queued or under way. */
  readonly #keys = new Map<string, number>();
  #running = false;

  constructor({ others, now = () => performance.now() }: BulkLaneDeps) {
    this.#others = others;
    this.#now = now;
  }

  get idle(): boolean {
    return this.#keys.size === 0;
  }

  holds(key: string): boolean {
    return this.#keys.has(key);
  }

  add<Item>(key: string, bytes: number, item: Item, carrier: Carrier<Item>): void {
    const deadline = this.#now() + BULK_TIMEOUT_MS;
    this.#queue.push({ key, bytes, deadline, item, carrier: carrier as Carrier<unknown> });
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    if (this.#running) return;
    this.#running = true;
    // What is added together leaves together.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let slice = this.#next(); slice.length > 0; slice = this.#next()) {
      await this.#others().catch(() => {});
      const { carrier, deadline } = slice[0]!;
      const leftMs = Math.floor(deadline - this.#now());
      if (leftMs > 0)
        await carrier.send(
          slice.map(({ item }) => item),
          leftMs,
        );
      else for (const { item } of slice) carrier.expire(item);
      for (const { key } of slice) this.#release(key);
    }
    this.#running = false;
  }

  /** Takes what is sent next: items of one kind, about a slice of bytes, at least one. */
  #next(): Cargo[] {
    const [first] = this.#queue;
    if (first === undefined) return [];
    const { carrier } = first;
    let bytes = 0;
    let count = 0;
    for (const cargo of this.#queue) {
      bytes += cargo.bytes;
      if (cargo.carrier !== carrier || count === carrier.most || (count > 0 && bytes > SLICE_BYTES)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #release(key: string): void {
    const left = this.#keys.get(key)! - 1;
    if (left === 0) this.#keys.delete(key);
    else this.#keys.set(key, left);
  }
}
