/**
 * A version is a hybrid-logical-clock stamp of 24 hexadecimal digits: 12 for the milliseconds, 4 for a counter within
 * the millisecond, 8 for the writer. The width is fixed, so versions compare as strings. The writer is unique, so two
 * replicas never make the same stamp. The ETag of a value is its version.
 */
export type Version = string;

export const VERSION_BYTES = 12;

/** Byte offsets in a stamp. The milliseconds are at 0. */
const COUNTER = 6;
const WRITER = 8;

const COUNTER_LIMIT = 0xffff;

/** A remote stamp that is further ahead of our clock comes from a broken clock, and is ignored. */
const MAX_DRIFT_MS = 60_000;

/** The hexadecimal digits of the milliseconds. */
const MS_DIGITS = 12;

const FOREIGN = '0'.repeat(16);
/** The greatest digits after the milliseconds. */
const LAST = 'f'.repeat(12);

/** Makes versions. Every stamp is greater than all that this clock has made or observed. */
export class VersionClock {
  readonly #wall: () => number;
  #ms = 0;
  #counter = 0;
  // Stamps are formatted from bytes: V8 stores a concatenation as its parts, which takes 48 bytes more per version.
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

  /** Returns a version that is not less than any stamp of this clock so far, without making a stamp. */
  bound(): Version {
    return Math.max(this.#ms, this.#wall()).toString(16).padStart(MS_DIGITS, '0') + LAST;
  }

  /** Makes all later stamps greater than this one of another writer. */
  observe(version: Version): void {
    const ms = msOf(version);
    if (ms < this.#ms || ms > this.#wall() + MAX_DRIFT_MS) return;
    const counter = Number.parseInt(version.slice(MS_DIGITS, 16), 16);
    if (ms > this.#ms || counter > this.#counter) this.#moveTo(ms, counter);
  }

  /** The clock was stepped. New stamps follow it, also backwards. The owner moves earlier stamps with `moveStamp`. */
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

/** Returns whether the same process made both stamps. */
export function isOfSameWriter(a: Version, b: Version): boolean {
  return a.slice(2 * WRITER) === b.slice(2 * WRITER);
}

const VERSION = /^[0-9a-f]{24}$/;

export function isVersion(text: string): text is Version {
  return VERSION.test(text);
}

/**
 * Returns whether another program wrote the value, without an envelope. Such a version is a hash of the bytes: it
 * identifies the value, but does not show when the value was written.
 */
export function isForeign(version: Version): boolean {
  return version.startsWith(FOREIGN);
}

/** Returns when a stamp was made, in milliseconds since 1970; undefined where another program wrote the value. */
export function stampedAt(version: Version): number | undefined {
  return isForeign(version) ? undefined : msOf(version);
}

/** Returns the id of the replica that made the stamp; undefined where another program wrote the value. */
export function writerOf(version: Version): string | undefined {
  return isForeign(version) ? undefined : version.slice(2 * WRITER);
}

/** When a version was stamped, in milliseconds since the epoch. */
export function msOf(version: Version): number {
  return Number.parseInt(version.slice(0, MS_DIGITS), 16);
}

/** Returns the stamp that a clock which is ahead by `ms` would have made. @param ms may be negative */
export function moveStamp(version: Version, ms: number): Version {
  const stamped = Number.parseInt(version.slice(0, MS_DIGITS), 16);
  const moved = Math.max(0, Math.round(stamped + ms));
  return moved.toString(16).padStart(MS_DIGITS, '0') + version.slice(MS_DIGITS);
}
