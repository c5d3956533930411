import { copyHeld, type Held } from './held.ts';

const FIRST_CAPACITY = 4096;

/** A scratch that one huge reply has grown beyond this is let go at the next reset. */
const KEPT_CAPACITY = 4 * 1024 * 1024;

/** Below this many bytes a loop copies faster than the call to the engine's copy. */
const LOOP_COPY = 24;

const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * Writes msgpack, each object in its smallest encoding, into a scratch buffer that is used again after
 * every `reset`. The caller says how many items a container has before writing them; nothing checks that
 * they follow. Encodings: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export class MsgpackWriter {
  private scratch: Buffer;
  private at = 0;

  constructor(capacity = FIRST_CAPACITY) {
    this.scratch = Buffer.allocUnsafeSlow(capacity);
  }

  /** Forgets what was written. Views given by `bytes` are dead from here on. */
  reset(): void {
    this.at = 0;
    if (this.scratch.length > KEPT_CAPACITY) this.scratch = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  }

  /** What was written since the last `reset`, as a view that the next `reset` or write makes invalid. */
  bytes(): Uint8Array {
    return this.scratch.subarray(0, this.at);
  }

  /** What was written since the last `reset`, as a copy that the caller owns; the writer is reset. */
  take(): Buffer {
    const copy = Buffer.from(this.scratch.subarray(0, this.at));
    this.reset();
    return copy;
  }

  nil(): void {
    this.need(1);
    this.scratch[this.at++] = 0xc0;
  }

  bool(value: boolean): void {
    this.need(1);
    this.scratch[this.at++] = value ? 0xc3 : 0xc2;
  }

  /**
   * An integer from -2^63 to 2^64-1. A `number` must be a safe integer; what lies beyond comes as a
   * `bigint`. -0 has no integer encoding and is written as 0: use `float` to keep it.
   * @throws RangeError for any other number
   */
  int(value: number | bigint): void {
    if (typeof value === 'bigint') this.bigint(value);
    else if (Number.isSafeInteger(value)) this.safeInteger(value);
    else throw new RangeError(`not a safe integer: ${value}`);
  }

  /** Always float64: a float32 that happens to hold the value would be smaller, and read as another type. */
  float(value: number): void {
    this.need(9);
    this.scratch[this.at] = 0xcb;
    this.scratch.writeDoubleBE(value, this.at + 1);
    this.at += 9;
  }

  /** A string; it must be well formed, because UTF-8 has no lone surrogates: they would become U+FFFD. */
  str(value: string): void {
    const chars = value.length;
    this.need(5 + chars * 3);
    if (chars < 32 && this.shortAscii(value)) return;
    // The header's size is guessed from the count of characters; the text moves up where bytes outgrow it.
    const guessed = strHeaderSize(chars);
    const size = this.scratch.write(value, this.at + guessed, 'utf8');
    const header = strHeaderSize(size);
    if (header !== guessed) {
      const from = this.at + guessed;
      this.scratch.copyWithin(this.at + header, from, from + size);
    }
    if (header === 1) this.scratch[this.at++] = 0xa0 | size;
    else this.sized(size, 0xd9, 0xda, 0xdb);
    this.at += size;
  }

  bin(value: Uint8Array): void {
    this.need(5);
    this.sized(value.length, 0xc4, 0xc5, 0xc6);
    this.raw(value);
  }

  /** The header of an array; `count` objects must follow. */
  array(count: number): void {
    this.need(5);
    if (count < 16) this.scratch[this.at++] = 0x90 | count;
    else this.sized(count, 0, 0xdc, 0xdd);
  }

  /** The header of a map; `count` times a key and its value must follow. */
  map(count: number): void {
    this.need(5);
    if (count < 16) this.scratch[this.at++] = 0x80 | count;
    else this.sized(count, 0, 0xde, 0xdf);
  }

  /** Bytes that are msgpack already, copied as they are. */
  raw(encoded: Uint8Array): void {
    const size = encoded.length;
    this.need(size);
    if (size < LOOP_COPY) {
      for (let i = 0; i < size; i++) this.scratch[this.at + i] = encoded[i]!;
    } else {
      this.scratch.set(encoded, this.at);
    }
    this.at += size;
  }

  /** Bytes that are msgpack already, as an entry keeps them. */
  held(encoded: Held): void {
    this.need(encoded.length);
    copyHeld(encoded, this.scratch, this.at);
    this.at += encoded.length;
  }

  /** The tag and a big-endian length of 8, 16 or 32 bits; a `tag8` of 0 means that there is no such form. */
  private sized(length: number, tag8: number, tag16: number, tag32: number): void {
    const { scratch } = this;
    if (length < 0x100 && tag8 !== 0) {
      scratch[this.at++] = tag8;
    } else if (length < 0x10000) {
      scratch[this.at++] = tag16;
      scratch[this.at++] = length >>> 8;
    } else {
      scratch[this.at++] = tag32;
      scratch[this.at++] = length >>> 24;
      scratch[this.at++] = length >>> 16;
      scratch[this.at++] = length >>> 8;
    }
    scratch[this.at++] = length;
  }

  /** Writes a fixstr when every character is ASCII; otherwise leaves nothing behind and says false. */
  private shortAscii(value: string): boolean {
    const { scratch } = this;
    const chars = value.length;
    const start = this.at + 1;
    for (let i = 0; i < chars; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      scratch[start + i] = code;
    }
    scratch[this.at] = 0xa0 | chars;
    this.at = start + chars;
    return true;
  }

  private safeInteger(value: number): void {
    this.need(9);
    if (value >= 0) this.unsigned(value);
    else this.negative(value);
  }

  private unsigned(value: number): void {
    if (value < 0x80) this.scratch[this.at++] = value;
    else if (value < 0x1_0000_0000) this.sized(value, 0xcc, 0xcd, 0xce);
    else this.wide(0xcf, value);
  }

  private negative(value: number): void {
    const { scratch } = this;
    if (value >= -0x20) {
      scratch[this.at++] = value;
    } else if (value >= -0x80) {
      scratch[this.at++] = 0xd0;
      scratch[this.at++] = value;
    } else if (value >= -0x8000) {
      scratch[this.at++] = 0xd1;
      scratch[this.at++] = value >> 8;
      scratch[this.at++] = value;
    } else if (value >= -0x8000_0000) {
      scratch[this.at] = 0xd2;
      scratch.writeInt32BE(value, this.at + 1);
      this.at += 5;
    } else {
      this.wide(0xd3, value);
    }
  }

  private wide(tag: number, value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.scratch[this.at] = tag;
    this.scratch.writeUInt32BE(high >>> 0, this.at + 1);
    this.scratch.writeUInt32BE(value - high * 0x1_0000_0000, this.at + 5);
    this.at += 9;
  }

  private bigint(value: bigint): void {
    const number = Number(value);
    if (Number.isSafeInteger(number)) {
      this.safeInteger(number);
      return;
    }
    if (value < MIN_INT64 || value > MAX_UINT64) throw new RangeError(`not a 64-bit integer: ${value}`);
    this.need(9);
    this.scratch[this.at] = value < 0n ? 0xd3 : 0xcf;
    this.scratch.writeBigUInt64BE(BigInt.asUintN(64, value), this.at + 1);
    this.at += 9;
  }

  private need(size: number): void {
    const wanted = this.at + size;
    if (wanted <= this.scratch.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.scratch.length * 2));
    this.scratch.copy(grown, 0, 0, this.at);
    this.scratch = grown;
  }
}

function strHeaderSize(size: number): number {
  if (size < 32) return 1;
  if (size < 0x100) return 2;
  return size < 0x10000 ? 3 : 5;
}
