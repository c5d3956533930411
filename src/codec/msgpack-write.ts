import { copyBytes, type ValueBytes } from './value-bytes.ts';

const FIRST_CAPACITY = 4096;

/** The next `reset` releases a scratch buffer that one huge reply has grown beyond this size. */
const KEPT_CAPACITY = 4 * 1024 * 1024;

/** Below this size a loop in JavaScript copies faster than a call of `set`. */
const LOOP_COPY = 24;

const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * Writes msgpack, each object in its smallest encoding, into a scratch buffer that is reused after every `reset`. The
 * caller passes the number of items of a container before it writes them; the writer does not check that they follow.
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export class MsgpackWriter {
  private scratch: Buffer;
  private at = 0;

  constructor(capacity = FIRST_CAPACITY) {
    this.scratch = Buffer.allocUnsafeSlow(capacity);
  }

  /** Discards everything written. Views that `bytes` returned become invalid. */
  reset(): void {
    this.at = 0;
    if (this.scratch.length > KEPT_CAPACITY) this.scratch = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  }

  /** The number of bytes written since the last `reset`. */
  get size(): number {
    return this.at;
  }

  /** Returns everything written since the last `reset`, as a view that the next `reset` or write makes invalid. */
  bytes(): Uint8Array {
    return this.scratch.subarray(0, this.at);
  }

  /** Returns everything written since the last `reset`, as a copy that the caller owns, and resets the writer. */
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
   * Writes an integer from -2^63 to 2^64-1. A `number` must be a safe integer; larger integers must be a `bigint`.
   * -0 has no integer encoding and is written as 0: use `float` to preserve it.
   * @throws RangeError for any other number
   */
  int(value: number | bigint): void {
    if (typeof value === 'bigint') this.bigint(value);
    else if (Number.isSafeInteger(value)) this.safeInteger(value);
    else throw new RangeError(`not a safe integer: ${value}`);
  }

  /** Always writes float64. A float32 may be exact and smaller, but readers would see another type. */
  float(value: number): void {
    this.need(9);
    this.scratch[this.at] = 0xcb;
    this.scratch.writeDoubleBE(value, this.at + 1);
    this.at += 9;
  }

  /** Writes a string, which must be well formed: UTF-8 would replace a lone surrogate with U+FFFD. */
  str(value: string): void {
    const chars = value.length;
    this.need(5 + chars * 3);
    if (chars < 32 && this.shortAscii(value)) return;
    // The character count is a lower bound of the byte count. If the bytes need a larger header, the text moves up.
    const least = strHeaderSize(chars);
    const size = this.scratch.write(value, this.at + least, 'utf8');
    const header = strHeaderSize(size);
    if (header !== least) {
      const from = this.at + least;
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

  /** Writes the header of an array; `count` objects must follow. */
  array(count: number): void {
    this.need(5);
    if (count < 16) this.scratch[this.at++] = 0x90 | count;
    else this.sized(count, 0, 0xdc, 0xdd);
  }

  /** Writes the header of a map; `count` pairs of a key and a value must follow. */
  map(count: number): void {
    this.need(5);
    if (count < 16) this.scratch[this.at++] = 0x80 | count;
    else this.sized(count, 0, 0xde, 0xdf);
  }

  /** Copies bytes that are msgpack already. */
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

  /** Copies msgpack in the form in which an entry stores it. */
  valueBytes(encoded: ValueBytes): void {
    this.need(encoded.length);
    copyBytes(encoded, this.scratch, this.at);
    this.at += encoded.length;
  }

  /** Writes the tag and a big-endian length of 8, 16 or 32 bits. A `tag8` of 0 means that no 8-bit form exists. */
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

  /** Writes a fixstr when every character is ASCII. Otherwise writes nothing and returns false. */
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
