import { Queue } from 'mnemonist';
import { turns } from '../cache/turns.ts';

/** What a socket may cost in a turn, in bytes of answers: some tenths of a millisecond. */
const TURN_COST = 256 * 1024;
/** To decode a byte of a request takes as long as to write some bytes of an answer. */
const COST_OF_BYTE = 4;
/** What a waiting frame takes in addition to its bytes. */
const OVERHEAD_BYTES = 128;
/** Bytes of the waiting frames of all sockets. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

let waitingBytes = 0;

/**
 * Spreads the frames of a socket over turns of the event loop. uWS reads megabytes of one socket in a turn. Handling
 * half a megabyte takes some milliseconds, and so do a hundred small requests with large answers. So the frames that
 * exceed one turn wait, in their order, until it is the turn of this socket again.
 *
 * uWS cannot stop reading a WebSocket. Beyond 64 MiB the oldest frames are therefore handled at once.
 */
export class FrameTurns {
  readonly #handle: (frame: Buffer) => number;
  readonly #waiting = new Queue<Buffer>();
  /** What the frames have cost since the last turn of this socket. */
  #cost = 0;
  /** Whether its next turn has not come. */
  #isFull = false;

  /** @param handle returns the length of the answers that it has sent */
  constructor(handle: (frame: Buffer) => number) {
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
    this.#cost += this.#handle(frame) + frame.length * COST_OF_BYTE;
    if (this.#cost <= TURN_COST) return;
    this.#cost = 0;
    this.#isFull = true;
    void turns.next().then(() => this.#continue());
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
