import { openSync, readSync } from 'node:fs';

/** The line VmRSS is within this number of bytes of /proc/self/status. */
const STATUS_BYTES = 4096;

/**
 * Reads the resident memory of this process, also when no file descriptor is free. `process.memoryUsage()` opens a file
 * for each call and would throw then, so this class keeps one descriptor open.
 */
export class ResidentMemory {
  readonly #status = openStatus();
  readonly #buffer = Buffer.alloc(STATUS_BYTES);
  #last = 0;

  /** The resident memory in bytes; the last known value if it cannot be read. */
  read(): number {
    try {
      this.#last = this.#status === undefined ? process.memoryUsage.rss() : this.#fromStatus(this.#status);
    } catch {
      // Return the last known value.
    }
    return this.#last;
  }

  #fromStatus(fd: number): number {
    const length = readSync(fd, this.#buffer, 0, STATUS_BYTES, 0);
    const kibibytes = /^VmRSS:\s+(\d{1,15}) kB$/m.exec(this.#buffer.toString('latin1', 0, length))?.[1];
    return kibibytes === undefined ? this.#last : Number(kibibytes) * 1024;
  }
}

/** Undefined if the system does not have the file. */
function openStatus(): number | undefined {
  try {
    return openSync('/proc/self/status', 'r');
  } catch {
    return undefined;
  }
}
