/**
 * Collects what is asked for in one turn of the event loop and hands it on together, in slices.
 *
 * `setImmediate` and not `nextTick`: each request handler is a callback of its own, after which all ticks run,
 * so only the end of the poll phase sees the requests of a whole turn.
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
