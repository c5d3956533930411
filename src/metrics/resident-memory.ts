import { openSync, readSync } from 'node:fs';

/** Enough of /proc/self/status to hold the line VmRSS. */
const STATUS_BYTES = 4096;

/**
 * Reads how much memory of this process is resident, also while the process has no file descriptor left:
 * `process.memoryUsage()` opens a file each time, and throws then. This keeps one descriptor open instead.
 */
export class ResidentMemory {
  readonly #status = openStatus();
  readonly #buffer = Buffer.alloc(STATUS_BYTES);
  #last = 0;

  /** Bytes; the last known value where the present one cannot be read. */
  read(): number {
    try {
      this.#last = this.#status === undefined ? process.memoryUsage.rss() : this.#fromStatus(this.#status);
    } catch {
      // The last known value is the best that there is.
    }
    return this.#last;
  }

  #fromStatus(fd: number): number {
    const length = readSync(fd, this.#buffer, 0, STATUS_BYTES, 0);
    const kibibytes = /^VmRSS:\s+(\d{1,15}) kB$/m.exec(this.#buffer.toString('latin1', 0, length))?.[1];
    return kibibytes === undefined ? this.#last : Number(kibibytes) * 1024;
  }
}

/** Undefined where the system has no such file. */
function openStatus(): number | undefined {
  try {
    return openSync('/proc/self/status', 'r');
  } catch {
    return undefined;
  }
}
