import { write, writeSync } from 'node:fs';

/** Bytes of lines that may wait for their destination. */
const MOST_WAITING_BYTES = 1024 * 1024;
/** Until a destination that took nothing is tried again. */
const RETRY_MS = 100;
/** The longest that an exit waits for lines to be written. */
const FLUSH_MS = 500;

/**
 * Standard output as the destination of the log. It never blocks and never throws: lines wait in memory while the
 * destination takes nothing (a full disk, a pipe that nobody reads), and are dropped and counted when 1 MiB waits.
 * A pipe that its reader closed takes nothing ever again, so every line is dropped.
 *
 * Pino's own destination does not fit: while the process exits, it retries a full disk without end.
 */
export class LogOutput {
  /** Called for each line that is dropped. */
  onDrop: () => void = () => {};
  // Node makes a pipe non-blocking when process.stdout is first used. A write to a blocking pipe could not be cancelled.
  readonly #fd = process.stdout.fd;
  #lines: string[] = [];
  #waitingBytes = 0;
  /** What is being written, and how many lines begin in it. */
  #chunk = Buffer.alloc(0);
  #chunkLines = 0;
  #state: 'idle' | 'writing' | 'retrying' | 'closed' = 'idle';
  #whenIdle: (() => void)[] = [];

  constructor() {
    process.once('exit', () => this.#writeRest());
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#state === 'closed' || this.#waitingBytes + bytes > MOST_WAITING_BYTES) return this.onDrop();
    this.#lines.push(line);
    this.#waitingBytes += bytes;
    if (this.#state === 'idle') this.#next();
  }

  /** Calls `done` when every line is written or dropped, and after half a second at the latest. */
  flush(done: () => void): void {
    if (this.#state === 'idle' || this.#state === 'closed') return done();
    this.#whenIdle.push(done);
    setTimeout(done, FLUSH_MS);
  }

  #next(): void {
    if (this.#chunk.length === 0) {
      if (this.#lines.length === 0) return this.#rest('idle');
      this.#chunk = Buffer.from(this.#lines.join(''));
      this.#chunkLines = this.#lines.length;
      this.#lines = [];
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
      this.#waitingBytes -= written;
      this.#next();
    });
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

  /** The process exits: one attempt. A chunk that is being written arrives by itself. */
  #writeRest(): void {
    if (this.#state === 'closed') return;
    const chunk = this.#state === 'writing' ? '' : this.#chunk.toString();
    try {
      writeSync(this.#fd, chunk + this.#lines.join(''));
    } catch {
      // Nobody is left who could count these lines.
    }
  }
}
