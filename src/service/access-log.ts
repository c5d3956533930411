/** The access log: lines about a sample of the reads and writes of keys, as `ratecache replay` reads them. */
import { accessSync, constants, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../log.ts';

export type AccessOp = 'get' | 'set' | 'delete';

/** How often lines are written. */
const WRITE_MS = 1000;
/** Bytes of lines that wait at most. Beyond it, lines are dropped and counted. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** As `appendFile` opens a file, but a named pipe that nobody reads is an error: otherwise the open would last for ever. */
const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK } = constants;
const APPEND_AT_ONCE = O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK;

/**
 * Lines are appended to the file once a second. The file is opened for each write, so it may be renamed or removed at any
 * time. Lines that cannot be written are dropped and counted, and the first failure is logged.
 */
export class AccessLog {
  /** Called for each line that is dropped. */
  readonly #onDrop: () => void;
  readonly #path: string;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #lines: string[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(path: string, log: Logger, onDrop: () => void) {
    this.#path = path;
    this.#log = log;
    this.#onDrop = onDrop;
    this.#timer = setInterval(() => void this.write(), WRITE_MS).unref();
  }

  /** @param size of the value in bytes, if known */
  add(op: AccessOp, key: string, size?: number): void {
    const line = `${JSON.stringify({ time: new Date().toISOString(), op, key, size })}\n`;
    if (this.#bytes + line.length > MAX_WAITING_BYTES) return this.#onDrop();
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  /** Writes what waits, unless a write is in progress. */
  async write(): Promise<void> {
    if (this.#writing === undefined && this.#lines.length > 0)
      this.#writing = this.#append().finally(() => {
        this.#writing = undefined;
      });
    await this.#writing;
  }

  /** Writes all lines of before, and accepts no more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
    await this.write();
  }

  #append(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    // A full disk may have taken a part of the last line.
    const text = (this.#failed ? '\n' : '') + lines.join('');
    return writeFile(this.#path, text, { mode: 0o640, flag: APPEND_AT_ONCE }).then(
      () => {
        this.#failed = false;
      },
      (error: Error) => this.#lost(error, lines.length),
    );
  }

  #lost(error: Error, lines: number): void {
    for (let left = lines; left > 0; left--) this.#onDrop();
    if (this.#failed) return;
    this.#failed = true;
    const { message } = error;
    this.#log.error({ error: message }, 'the access log cannot be written; its lines are dropped');
  }
}

/** The access log in use, whose file SIGHUP may change. */
export class AccessLogs {
  readonly #open: (path: string) => AccessLog;
  #path: string | undefined;
  #present: AccessLog | undefined;
  #closed: Promise<unknown> = Promise.resolve();

  constructor(open: (path: string) => AccessLog) {
    this.#open = open;
  }

  /** Adds later lines to this file; undefined ends the log. Earlier lines stay in the previous file. */
  use(path: string | undefined): void {
    if (path === this.#path) return;
    this.#path = path;
    this.#closed = Promise.all([this.#closed, this.#present?.close()]);
    this.#present = path === undefined ? undefined : this.#open(path);
  }

  /** See `AccessLog.add`. */
  add(...line: Parameters<AccessLog['add']>): void {
    this.#present?.add(...line);
  }

  /** Writes all lines of before, and accepts no more. */
  async close(): Promise<void> {
    this.use(undefined);
    await this.#closed;
  }
}

/** Returns why lines could not be appended to this file, or undefined if they could. It creates nothing. */
export function whyUnwritable(path: string): string | undefined {
  try {
    const present = statSync(path, { throwIfNoEntry: false });
    if (present?.isDirectory()) return 'it is a directory';
    if (present !== undefined) accessSync(path, constants.W_OK);
    else accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
