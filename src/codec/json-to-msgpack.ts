import { MAX_DEPTH, Malformed, NotConvertible } from './errors.ts';
import { readString, skip, skipSpace, skipString } from './json-read.ts';
import { MsgpackWriter } from './msgpack-write.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** In characters: 2^64-1 has 20 digits, and -2^63 has a sign and 19 digits. JSON allows no leading zeros. */
const LONGEST_INTEGER = 20;

const writer = new MsgpackWriter();

/**
 * Returns the msgpack of a JSON text that has passed `JSON.parse`. It transcodes the text directly, because an object
 * tree would lose -0, integers beyond 2^53, the order of members and the name `__proto__`.
 *
 * A number without fraction and exponent becomes the smallest msgpack integer that fits. `-0` and every other number
 * (`1.0` and `1e3` too) become float64, the nearest double as RFC 8259 section 6 expects.
 * @throws NotConvertible for an integer outside -2^63 to 2^64-1; a decimal that a double turns into infinity or zero;
 *   a string or name with a lone surrogate; a repeated name; nesting beyond `MAX_DEPTH`
 */
export function jsonToMsgpack(text: string): Buffer {
  const counts = countItems(text);
  writer.reset();
  const transcoder = new Transcoder(text, counts);
  transcoder.value();
  return writer.take();
}

/**
 * Returns the number of items of each container, in the order in which the containers open. A msgpack header needs this
 * number before the items. The depth is checked here, before anything recurses.
 */
function countItems(text: string): number[] {
  const counts: number[] = [];
  const open: number[] = [];
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(text, at);
      continue;
    }
    at++;
    if (code === COMMA) {
      const container = open.at(-1);
      if (container !== undefined) counts[container]! += 1;
    } else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      if (open.length === MAX_DEPTH) throw refused(`nested deeper than ${MAX_DEPTH} levels`, at - 1);
      at = skipSpace(text, at);
      open.push(counts.length);
      counts.push(isClosing(text.charCodeAt(at)) ? 0 : 1);
    } else if (isClosing(code)) {
      open.pop();
    }
  }
  return counts;
}

class Transcoder {
  private readonly text: string;
  private readonly counts: readonly number[];
  private container = 0;
  private at = 0;

  constructor(text: string, counts: readonly number[]) {
    this.text = text;
    this.counts = counts;
  }

  value(): void {
    this.at = skipSpace(this.text, this.at);
    const first = this.text.charCodeAt(this.at);
    if (first === OPEN_OBJECT) this.object();
    else if (first === OPEN_ARRAY) this.array();
    else if (first === QUOTE) this.string();
    else this.scalar();
  }

  private array(): void {
    const count = this.counts[this.container++]!;
    writer.array(count);
    this.at++;
    for (let i = 0; i < count; i++) {
      this.value();
      this.separator();
    }
    if (count === 0) this.separator();
  }

  private object(): void {
    const count = this.counts[this.container++]!;
    const seen = new Set<string>();
    writer.map(count);
    this.at++;
    for (let i = 0; i < count; i++) {
      const start = skipSpace(this.text, this.at);
      this.at = start;
      const name = this.string();
      if (seen.size === seen.add(name).size) throw refused('a member name is repeated', start);
      this.separator();
      this.value();
      this.separator();
    }
    if (count === 0) this.separator();
  }

  /** Skips one comma, colon or closing bracket, and the white space before it. */
  private separator(): void {
    this.at = skipSpace(this.text, this.at) + 1;
  }

  private string(): string {
    const start = this.at;
    this.at = skipString(this.text, start);
    const value = readString(this.text, start, this.at);
    if (!value.isWellFormed())
      throw refused('a string has a lone surrogate, which UTF-8 cannot encode', start);
    writer.str(value);
    return value;
  }

  private scalar(): void {
    const start = this.at;
    this.at = skip(this.text, start);
    const token = this.text.slice(start, this.at);
    if (token === 'null') writer.nil();
    else if (token === 'true') writer.bool(true);
    else if (token === 'false') writer.bool(false);
    else number(token, start);
  }
}

function number(token: string, at: number): void {
  const value = Number(token);
  if (token === '' || Number.isNaN(value)) throw new Malformed(`not JSON, at character ${at}`);
  if (/[.eE]/.test(token)) {
    if (!Number.isFinite(value)) throw refused('a number is too large for a double', at);
    if (value === 0 && /^-?[0.]*[1-9]/.test(token)) throw refused('a number is too small for a double', at);
    writer.float(value);
  } else if (Number.isSafeInteger(value)) {
    if (Object.is(value, -0)) writer.float(value);
    else writer.int(value);
  } else {
    writer.int(wideInteger(token, at));
  }
}

function wideInteger(token: string, at: number): bigint {
  if (token.length <= LONGEST_INTEGER) {
    const value = BigInt(token);
    if (value === (value < 0n ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value))) return value;
  }
  throw refused('an integer does not fit in 64 bits', at);
}

function isClosing(code: number): boolean {
  return code === CLOSE_ARRAY || code === CLOSE_OBJECT;
}

function refused(reason: string, at: number): NotConvertible {
  return new NotConvertible(`${reason}, at character ${at}`);
}
