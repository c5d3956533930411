import { Buffer, isUtf8 } from 'node:buffer';

/** The longest line that is read: 8 MiB. A longer one is a fault, and is never held in memory. */
export const MAX_LINE_BYTES = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** One line without its end (`\n` or `\r\n`), or why it could not be read. `number` counts from 1. */
export type Line =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly problem: string };

/**
 * Cuts a stream of bytes into lines of UTF-8 text, holding at most one line. A byte order mark at the
 * start is dropped. Bytes that are not UTF-8 are a problem of their line rather than replaced in silence.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  #number = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #tooLong = false;

  constructor(maxBytes = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that this chunk completes. */
  *push(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, start)) {
      this.#hold(chunk.subarray(start, at));
      yield this.#take();
      start = at + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** The last line, when the file does not end in a line end. */
  *end(): Generator<Line> {
    if (this.#pendingBytes > 0 || this.#tooLong) yield this.#take();
  }

  #hold(part: Buffer): void {
    if (this.#tooLong) return;
    this.#pending.push(part);
    this.#pendingBytes += part.length;
    // One more byte than the limit may be the CR of a line end.
    if (this.#pendingBytes > this.#maxBytes + 1) this.#overflow();
  }

  #overflow(): void {
    this.#tooLong = true;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #take(): Line {
    const number = ++this.#number;
    let bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    if (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1);
    const tooLong = this.#tooLong || bytes.length > this.#maxBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#tooLong = false;
    if (tooLong) return { number, problem: `the line is longer than ${this.#maxBytes} bytes` };
    if (number === 1 && bytes.subarray(0, BOM.length).equals(BOM)) bytes = bytes.subarray(BOM.length);
    if (!isUtf8(bytes)) return { number, problem: 'the line is not UTF-8 text' };
    return { number, text: bytes.toString('utf8') };
  }
}
