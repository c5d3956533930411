/**
 * uWS collects what a handler writes in a buffer of 16 KB and sends it when all requests of a chunk are answered. Once
 * a pipelining client's answers exceed it, each piece of each further answer becomes a send of its own: 15 to 20 µs an
 * answer instead of one or two. From there on each answer must be corked by itself, which makes it one send, but which
 * costs every answer a tenth where it is not needed. uWS does not tell how full the buffer is nor where a chunk
 * ends, so both are inferred: from the bytes that were written, and from the time that passes between two requests, as
 * in between two chunks there is a send and a receive.
 *
 * Looking at the clock costs, so a chunk is watched only now and then: after as many bytes as may overflow the buffer
 * while chunks do overflow it, and after many times as many once some in a row were seen that did not.
 *
 * On a machine that is busy with others, requests of one chunk are so far apart that it looks like several, none of which
 * overflows the buffer. So now and then an answer that is not corked is timed: pieces take many times as long. Then
 * everything is corked for a while, for the longer the more often that was found.
 */
export class CorkBuffer {
  /** Bytes of the answers to the chunk that is watched; 0 while none is. */
  chunk = 0;
  #unwatched = 0;
  #watchAfter = SAFE_BYTES;
  /** Whether the chunk has been watched from its beginning. */
  #whole = false;
  /** Chunks watched in a row that did not overflow the buffer. One could be a part of one, seen as two by chance. */
  #small = 0;
  #lastAnswerAt = 0;
  /** Answers not corked, and when the one that is timed began; 0 while none is. */
  #plain = 0;
  #timedFrom = 0;
  /** Of the last eight that were timed, a bit for each that was sent in pieces; and how many in a row were not. */
  #inPieces = 0;
  #wholeInARow = 0;
  /** Answers that are corked whatever is inferred, from now on and after the next that is found in pieces. */
  #certain = 0;
  #spell = SHORTEST_SPELL;
  readonly #now: () => number;

  /** @param now in milliseconds, to the microsecond */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * An answer is about to be written.
   * @param bytes that it takes, about
   * @returns whether it must be corked
   */
  overflows(bytes: number): boolean {
    const inferred = this.#infer(bytes);
    if (this.#certain > 0) {
      this.#certain--;
      return true;
    }
    if (!inferred && (++this.#plain & (TIMED_EVERY - 1)) === 0) this.#timedFrom = this.#now();
    return inferred;
  }

  #infer(bytes: number): boolean {
    if (this.chunk === 0) {
      this.#unwatched += bytes;
      if (this.#unwatched < this.#watchAfter && bytes < SAFE_BYTES) return false;
      // What was written before may be of this chunk or of others: it is corked to be safe, until the chunk ends.
      this.#whole = false;
    } else if (this.#now() - this.#lastAnswerAt > BETWEEN_CHUNKS_MS) {
      if (this.#judge(bytes)) return false;
      this.#whole = true;
    }
    this.chunk += bytes;
    return !this.#whole || this.chunk >= SAFE_BYTES;
  }

  /** The answer was written. */
  answered(): void {
    if (this.#timedFrom > 0) {
      this.#took(this.#now() - this.#timedFrom);
      this.#timedFrom = 0;
    }
    if (this.chunk > 0) this.#lastAnswerAt = this.#now();
  }

  /** An answer that was not corked took so long. One or two may have had to wait for their core. */
  #took(ms: number): void {
    const slow = ms > WHOLE_MS;
    this.#wholeInARow = slow ? 0 : this.#wholeInARow + 1;
    if (this.#wholeInARow === CALM_AGAIN) this.#spell = SHORTEST_SPELL;
    this.#inPieces = ((this.#inPieces << 1) | (slow ? 1 : 0)) & 0xff;
    if (bitsOf(this.#inPieces) < ENOUGH_IN_PIECES) return;
    this.#inPieces = 0;
    this.#certain = this.#spell;
    this.#spell = Math.min(8 * this.#spell, LONGEST_SPELL);
  }

  /** A chunk has ended: whether watching has, too. What follows begins with an answer of so many bytes. */
  #judge(bytes: number): boolean {
    const { chunk } = this;
    this.chunk = 0;
    const overflowed = chunk >= SAFE_BYTES;
    if (overflowed) this.#small = 0;
    else if (!this.#whole || ++this.#small < SMALL_IN_A_ROW) return false;
    this.#watchAfter = overflowed ? SAFE_BYTES : CALM_BYTES;
    this.#unwatched = bytes;
    return bytes < SAFE_BYTES;
  }
}

/** Under the 16 KB by what the count of bytes may be short of. */
const SAFE_BYTES = 14 * 1024;

/** How long nobody looks while chunks are small. */
const CALM_BYTES = 512 * 1024;
const SMALL_IN_A_ROW = 8;

/** What is written into the buffer takes a microsecond; a dozen pieces, each with a system call, ten and more. */
const WHOLE_MS = 0.006;
/** A power of two. */
const TIMED_EVERY = 64;
/** Of eight. */
const ENOUGH_IN_PIECES = 3;
/** So many answers are corked at first, and at most: a busy server has that many in a second or two. */
const SHORTEST_SPELL = 1 << 11;
const LONGEST_SPELL = 1 << 17;
/** After so many that were timed and were whole, the next spell is short. */
const CALM_AGAIN = 32;

/** Two requests of one chunk are a microsecond apart, one in a hundred six; those of two chunks eight or more. */
const BETWEEN_CHUNKS_MS = 0.007;

function bitsOf(byte: number): number {
  let bits = 0;
  for (let rest = byte; rest > 0; rest >>= 1) bits += rest & 1;
  return bits;
}
