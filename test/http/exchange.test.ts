import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Exchange } from '../../src/http/exchange.ts';
import { Load, MOST_UNSENT_BYTES } from '../../src/http/load.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { HttpResponse } from '../../src/uws.ts';

/** A response whose socket takes nothing until the test says so. */
class FakeResponse {
  closed = false;
  takes = false;
  #aborted = () => {};
  #writable: (offset: number) => boolean = () => true;

  onAborted(handler: () => void): void {
    this.#aborted = handler;
  }

  onWritable(handler: (offset: number) => boolean): void {
    this.#writable = handler;
  }

  cork(write: () => void): void {
    write();
  }

  writeStatus(_text: string): void {}

  tryEnd(_body: unknown, _total: number): [ok: boolean, done: boolean] {
    return [this.takes, this.takes];
  }

  close(): void {
    this.closed = true;
    this.#aborted();
  }

  /** The client reads all. */
  read(): void {
    this.takes = true;
    this.#writable(0);
  }
}

function answering(load: Load, counters = new Counters()) {
  return (bytes: number): FakeResponse => {
    const res = new FakeResponse();
    const exchange = new Exchange(res as unknown as HttpResponse, load, counters, false);
    // Not filled: the test takes no memory for it.
    exchange.send(200, [], Buffer.allocUnsafe(bytes));
    return res;
  };
}

test('an answer that would bring the unsent bytes over the limit closes its own connection, and no other', () => {
  const load = new Load();
  const counters = new Counters();
  const answer = answering(load, counters);
  const share = MOST_UNSENT_BYTES / 4;
  const waiting = [share, share, share, share].map(answer);
  assert.deepEqual([load.unsentBytes, load.open], [MOST_UNSENT_BYTES, 4]);

  const over = answer(share);
  assert.ok(over.closed);
  assert.ok(waiting.every(({ closed }) => !closed));
  assert.deepEqual([load.unsentBytes, load.open, counters.httpAborted], [MOST_UNSENT_BYTES, 4, 1]);

  waiting[0]!.read();
  assert.equal(load.unsentBytes, 3 * share);
  assert.equal(answer(share).closed, false);
});

test('an answer that was read, or whose client went away, leaves no unsent bytes', () => {
  const load = new Load();
  const answer = answering(load);
  answer(1 << 20).read();
  answer(1 << 20).close();
  assert.deepEqual([load.unsentBytes, load.open], [0, 0]);
});
