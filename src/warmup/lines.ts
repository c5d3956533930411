import { Buffer, isUtf8 } from 'node:buffer';

/** The maximum length of a line: 8 MiB. A longer line is a fault, and is never stored in memory as a whole. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * One line without its line end (`\n` or `\r\n`), or why it could not be read. `number` starts at 1. With `latin1` the
 * bytes are not UTF-8, and the text is what they are in Latin-1.
 */
export type Line =
  | { readonly number: number; readonly text: string; readonly latin1?: true }
  | { readonly number: number; readonly problem: string };

/**
 * Splits a stream of bytes into lines of text. It stores at most one line, and drops a byte order mark at the start. A
 * line that is not UTF-8 is marked; its bytes are not replaced silently.
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
      this.#append(chunk.subarray(start, at));
      yield this.#take();
      start = at + 1;
    }
    if (start < chunk.length) this.#append(chunk.subarray(start));
  }

  /** Yields the last line if no line end follows it. */
  *end(): Generator<Line> {
    if (this.#pendingBytes > 0 || this.#tooLong) yield this.#take();
  }

  #append(part: Buffer): void {
    if (this.#tooLong) return;
    this.#pending.push(part);
    this.#pendingBytes += part.length;
    // The byte after the limit may be the CR of a line end.
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
    if (!isUtf8(bytes)) return { number, text: bytes.toString('latin1'), latin1: true };
    return { number, text: bytes.toString('utf8') };
  }
}
