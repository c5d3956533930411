/** The size of a slice: the bytes that may be in flight at a time. */
const SLICE_BYTES = 1024 * 1024;

/** The longest wait of an item, in the queue and for Redis, in milliseconds. */
export const BULK_TIMEOUT_MS = 2000;

/** Sends items of one kind, for example reads or writes, several at a time. */
export interface Sender<Item> {
  /** The most items in one call of `send`. */
  readonly most: number;
  /**
   * Sends the items, and settles each of them.
   * @param leftMs the time that remains
   */
  readonly send: (items: Item[], leftMs: number) => Promise<void>;
  /** Called for an item that was not sent in time. */
  readonly expire: (item: Item) => void;
}

interface Queued {
  readonly key: string;
  readonly bytes: number;
  readonly deadline: number;
  readonly item: unknown;
  readonly sender: Sender<unknown>;
}

export interface BulkLaneDeps {
  /** Settles once every command that was sent on the data connection before this call is answered. */
  readonly others: () => Promise<unknown>;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/**
 * The queue of large values. They use a separate connection, a slice of about a mebibyte at a time, so that small reads
 * and writes do not wait behind them.
 *
 * The commands of one key are made and answered in the order of the calls, although two connections carry them:
 *
 * 1. While a key is in this queue, all its commands go through this queue (`has`).
 * 2. A slice leaves only when all earlier commands on the data connection are answered.
 */
export class BulkLane {
  readonly #others: () => Promise<unknown>;
  readonly #now: () => number;
  readonly #queue: Queued[] = [];
  /** The number of items of each key, queued or in flight. */
  readonly #keys = new Map<string, number>();
  #running = false;

  constructor({ others, now = () => performance.now() }: BulkLaneDeps) {
    this.#others = others;
    this.#now = now;
  }

  get idle(): boolean {
    return this.#keys.size === 0;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add<Item>(key: string, bytes: number, item: Item, sender: Sender<Item>): void {
    const deadline = this.#now() + BULK_TIMEOUT_MS;
    this.#queue.push({ key, bytes, deadline, item, sender: sender as Sender<unknown> });
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    if (this.#running) return;
    this.#running = true;
    // A microtask, so that items added in the same turn can share a slice.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let slice = this.#next(); slice.length > 0; slice = this.#next()) {
      await this.#others().catch(() => {});
      const { sender, deadline } = slice[0]!;
      const leftMs = Math.floor(deadline - this.#now());
      if (leftMs > 0)
        await sender.send(
          slice.map(({ item }) => item),
          leftMs,
        );
      else for (const { item } of slice) sender.expire(item);
      for (const { key } of slice) this.#release(key);
    }
    this.#running = false;
  }

  /** Takes the next slice from the queue: items of one sender, about `SLICE_BYTES`, at least one. */
  #next(): Queued[] {
    const [first] = this.#queue;
    if (first === undefined) return [];
    const { sender } = first;
    let bytes = 0;
    let count = 0;
    for (const queued of this.#queue) {
      bytes += queued.bytes;
      if (queued.sender !== sender || count === sender.most || (count > 0 && bytes > SLICE_BYTES)) break;
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
