/**
 * A version is a hybrid-logical-clock stamp written as 24 hexadecimal digits: 12 of wall clock in
 * milliseconds, 4 of a counter within the millisecond, 8 of the writer. Fixed width, so versions compare as
 * strings; unique to a writer, so two replicas never stamp alike. The ETag of a value is its version.
 */
export type Version = string;

export const VERSION_BYTES = 12;

/** Older than every stamp a writer makes. */
export const NO_VERSION: Version = '0'.repeat(VERSION_BYTES * 2);

/** Where in a stamp's bytes its parts begin; the milliseconds are its first. */
const COUNTER = 6;
const WRITER = 8;

const COUNTER_LIMIT = 0xffff;

/** A remote stamp further ahead of our clock than this comes from a broken clock, and is not followed. */
const MAX_DRIFT_MS = 60_000;

/** What orders versions, in milliseconds, takes so many hexadecimal digits. */
const MS_DIGITS = 12;

const FOREIGN = '0'.repeat(16);

/** Stamps versions; every stamp is greater than all that this clock made or observed before. */
export class VersionClock {
  readonly #wall: () => number;
  #ms = 0;
  #counter = 0;
  // V8 would keep a concatenation as its parts, which takes 48 bytes more for as long as the version is kept.
  readonly #stamp = Buffer.alloc(VERSION_BYTES);

  /** @param writer 8 hexadecimal digits, unique to this process */
  constructor(writer: string, wall: () => number = Date.now) {
    this.#stamp.write(writer, WRITER, 'hex');
    this.#wall = wall;
  }

  next(): Version {
    const wall = this.#wall();
    if (wall > this.#ms) this.#moveTo(wall, 0);
    else if (this.#counter < COUNTER_LIMIT) this.#counter++;
    else this.#moveTo(this.#ms + 1, 0);
    this.#stamp.writeUInt16BE(this.#counter, COUNTER);
    return this.#stamp.toString('hex');
  }

  /** Makes all later stamps greater than this one, which another writer made. */
  observe(version: Version): void {
    const ms = Number.parseInt(version.slice(0, MS_DIGITS), 16);
    if (ms < this.#ms || ms > this.#wall() + MAX_DRIFT_MS) return;
    const counter = Number.parseInt(version.slice(MS_DIGITS, 16), 16);
    if (ms > this.#ms || counter > this.#counter) this.#moveTo(ms, counter);
  }

  /** The wall clock was stepped: stamps follow it, back as well. Those of before must be moved by `moveStamp`. */
  stepped(): void {
    this.#ms = 0;
    this.#counter = 0;
  }

  #moveTo(ms: number, counter: number): void {
    if (ms !== this.#ms) this.#stamp.writeUIntBE(ms, 0, COUNTER);
    this.#ms = ms;
    this.#counter = counter;
  }
}

const VERSION = /^[0-9a-f]{24}$/;

export function isVersion(text: string): text is Version {
  return VERSION.test(text);
}

/**
 * Whether another program wrote the value, without an envelope. Its version is made from its bytes: it identifies the
 * value, and says nothing about when it was written.
 */
export function isForeign(version: Version): boolean {
  return version.startsWith(FOREIGN);
}

/** The same stamp as a clock that is ahead by so much would have made it. @param ms may be negative */
export function moveStamp(version: Version, ms: number): Version {
  const stamped = Number.parseInt(version.slice(0, MS_DIGITS), 16);
  const moved = Math.max(0, Math.round(stamped + ms));
  return moved.toString(16).padStart(MS_DIGITS, '0') + version.slice(MS_DIGITS);
}
