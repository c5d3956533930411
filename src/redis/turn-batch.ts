/**
 * Collects the items of one turn of the event loop, and sends them together, in slices.
 *
 * It uses `setImmediate`, not `nextTick`: each request handler is a separate callback, and ticks run after each one.
 * Only the end of the poll phase sees the requests of a whole turn.
 */
export class TurnBatch<Item> {
  readonly #send: (items: Item[]) => void;
  readonly #sliceSize: number;
  #items: Item[] = [];

  constructor(sliceSize: number, send: (items: Item[]) => void) {
    this.#sliceSize = sliceSize;
    this.#send = send;
  }

  add(item: Item): void {
    if (this.#items.push(item) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const items = this.#items;
    this.#items = [];
    if (items.length <= this.#sliceSize) return this.#send(items);
    for (let i = 0; i < items.length; i += this.#sliceSize) this.#send(items.slice(i, i + this.#sliceSize));
  }
}
