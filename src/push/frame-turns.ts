import { Queue } from 'mnemonist';
import { turns } from '../cache/turns.ts';

/** Handling a larger frame takes more than a tenth of a millisecond. */
const LARGE_BYTES = 64 * 1024;
/** What a waiting frame takes in addition to its bytes. */
const OVERHEAD_BYTES = 128;
/** Bytes of the waiting frames of all sockets. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

let waitingBytes = 0;

/**
 * Spreads the frames of a socket over turns of the event loop. uWS reads megabytes of one socket in a turn, and handling half a
 * megabyte takes some milliseconds. So the frames after a large one wait until it is the turn of this socket, in their order.
 *
 * uWS cannot stop reading a WebSocket. Beyond 64 MiB the oldest frames are therefore handled at once.
 */
export class FrameTurns {
  readonly #handle: (frame: Buffer) => void;
  readonly #waiting = new Queue<Buffer>();
  /** Whether a large frame was handled, and the next turn of this socket has not come. */
  #isFull = false;

  constructor(handle: (frame: Buffer) => void) {
    this.#handle = handle;
  }

  /** @param frame valid during the call */
  receive(frame: Buffer): void {
    if (!this.#isFull) return this.#take(frame);
    this.#waiting.enqueue(Buffer.from(frame));
    waitingBytes += frame.length + OVERHEAD_BYTES;
    while (waitingBytes > MOST_WAITING_BYTES && this.#waiting.size > 0) this.#handle(this.#next());
  }

  /** Drops the frames that wait. */
  close(): void {
    while (this.#waiting.size > 0) this.#next();
  }

  #take(frame: Buffer): void {
    if (frame.length > LARGE_BYTES) {
      this.#isFull = true;
      void turns.next().then(() => this.#continue());
    }
    this.#handle(frame);
  }

  #continue(): void {
    this.#isFull = false;
    while (!this.#isFull && this.#waiting.size > 0) this.#take(this.#next());
  }

  #next(): Buffer {
    const frame = this.#waiting.dequeue()!;
    waitingBytes -= frame.length + OVERHEAD_BYTES;
    return frame;
  }
}
