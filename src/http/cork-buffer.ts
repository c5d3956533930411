/**
 * uWS collects what a handler writes in a buffer of 16 KB and sends it when all requests of a chunk are answered. Once
 * a pipelining client's answers exceed it, each piece of each further answer becomes a send of its own: 15 to 20 µs an
 * answer instead of one or two. From there on each answer must be corked by itself, which makes it one send, but which
 * costs every answer a tenth where it is not needed. uWS does not tell how full the buffer is nor where a chunk
 * ends, so both are inferred here: from the bytes that were written, and from the time that passes between two requests,
 * as in between two chunks there is a send and a receive.
 */
export class CorkBuffer {
  /** Bytes of the answers to the chunk, and of some before it. */
  filled = 0;
  /** The buffer may have overflowed: the end of the chunk is looked for. */
  #watching = false;
  #lastAnswerAt = 0;
  readonly #now: () => number;

  /** @param now in milliseconds, to the microsecond */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * An answer is about to be written.
   * @param bytes that it takes, about
   * @returns whether it must be corked; `answered` is to be called after it then
   */
  overflows(bytes: number): boolean {
    this.filled += bytes;
    if (this.filled < SAFE_BYTES) return false;
    if (this.#watching && this.#now() - this.#lastAnswerAt > BETWEEN_CHUNKS_MS) {
      this.#watching = false;
      this.filled = bytes;
      return bytes >= SAFE_BYTES;
    }
    this.#watching = true;
    return true;
  }

  answered(): void {
    this.#lastAnswerAt = this.#now();
  }
}

/** Under the 16 KB by as much as the lines take that uWS adds to an answer. */
const SAFE_BYTES = 14 * 1024;

/** Two requests of one chunk are a microsecond apart, those of two chunks eight or more. */
const BETWEEN_CHUNKS_MS = 0.006;
