import { write, writeSync } from 'node:fs';

/** Bytes of log lines that may be buffered. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** What a pipe takes whole (PIPE_BUF of Linux), also if several processes write to it. */
const WHOLE_BYTES = 4096;
/** Delay before a failed write is retried. */
const RETRY_MS = 100;
/** The longest time that an exit waits for buffered lines. */
const FLUSH_MS = 500;

/**
 * Standard output as the destination of the log. It never blocks and never throws. While writes fail (a full disk, a
 * pipe that nobody reads), lines are buffered in memory; beyond 1 MiB they are dropped and counted. Once the reader
 * has closed the pipe, every line is dropped.
 *
 * Several processes may write to one pipe: each write has whole lines, and as few bytes as the pipe takes in one piece.
 * A line over 4 KiB may be divided.
 *
 * Pino's own destination does not fit: on exit it retries a full disk forever.
 */
export class LogOutput {
  /** Called for each line that is dropped. */
  onDrop: () => void = () => {};
  // Node makes a pipe non-blocking when process.stdout is first used. A write to a blocking pipe could not be
  // cancelled.
  readonly #fd = process.stdout.fd;
  #lines: string[] = [];
  #bufferedBytes = 0;
  /** The bytes being written, and the number of lines that begin in them. */
  #chunk = Buffer.alloc(0);
  #chunkLines = 0;
  #state: 'idle' | 'writing' | 'retrying' | 'closed' = 'idle';
  #whenIdle: (() => void)[] = [];

  constructor() {
    process.once('exit', () => this.#writeRest());
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#state === 'closed' || this.#bufferedBytes + bytes > MAX_BUFFERED_BYTES) return this.onDrop();
    this.#lines.push(line);
    this.#bufferedBytes += bytes;
    if (this.#state === 'idle') this.#next();
  }

  /** Calls `done` when every line is written or dropped, but at the latest after half a second. */
  flush(done: () => void): void {
    if (this.#state === 'idle' || this.#state === 'closed') return done();
    this.#whenIdle.push(done);
    setTimeout(done, FLUSH_MS);
  }

  #next(): void {
    if (this.#chunk.length === 0) {
      if (this.#lines.length === 0) return this.#rest('idle');
      this.#takeLines();
    }
    this.#state = 'writing';
    write(this.#fd, this.#chunk, (error, written) => {
      if (error?.code === 'EPIPE') return this.#close();
      if (error !== null) {
        this.#state = 'retrying';
        setTimeout(() => this.#next(), RETRY_MS).unref();
        return;
      }
      this.#chunk = this.#chunk.subarray(written);
      this.#bufferedBytes -= written;
      this.#next();
    });
  }

  /** Takes as many whole lines as a pipe takes whole, but at least one. */
  #takeLines(): void {
    const lines = this.#lines;
    let count = 0;
    let bytes = 0;
    do bytes += Buffer.byteLength(lines[count++]!);
    while (count < lines.length && bytes + Buffer.byteLength(lines[count]!) <= WHOLE_BYTES);
    this.#chunk = Buffer.from(lines.splice(0, count).join(''));
    this.#chunkLines = count;
  }

  #close(): void {
    for (let left = this.#chunkLines + this.#lines.length; left > 0; left--) this.onDrop();
    this.#lines = [];
    this.#rest('closed');
  }

  #rest(state: 'idle' | 'closed'): void {
    this.#state = state;
    for (const done of this.#whenIdle) done();
    this.#whenIdle = [];
  }

  /** Makes one attempt while the process exits. A write in progress completes without help. */
  #writeRest(): void {
    if (this.#state === 'closed') return;
    const chunk = this.#state === 'writing' ? '' : this.#chunk.toString();
    try {
      writeSync(this.#fd, chunk + this.#lines.join(''));
    } catch {
      // The process ends, so nothing could report the count of these lines.
    }
  }
}
