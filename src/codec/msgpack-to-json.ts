import { MAX_DEPTH, NotConvertible } from './errors.ts';
import {
  bodyAt,
  decodeUtf8,
  type Kind,
  kindAt,
  lengthAt,
  readFloat,
  readInteger,
  skip,
  validateMsgpack,
} from './msgpack-read.ts';

const TIMESTAMP_TYPE = 0xff;

/**
 * Returns the JSON text (RFC 8259) of one msgpack object, without white space. `jsonToMsgpack` reads the same values
 * back: integers have all their digits, floats always have a fraction or an exponent (`3.0`), and -0 is `-0`. A float32
 * becomes the double of the same value, and reads back as float64.
 * @throws NotConvertible for binary, extensions and timestamps; NaN and infinities; map keys that are not strings or
 *   are repeated; strings that are not UTF-8; nesting beyond `MAX_DEPTH`
 * @throws Malformed when the bytes are not exactly one msgpack object
 */
export function msgpackToJson(bytes: Uint8Array): string {
  validateMsgpack(bytes);
  const transcoder = new Transcoder(bytes);
  transcoder.value(0);
  return transcoder.json;
}

/** Does not check bounds: the bytes must have passed `validateMsgpack`. */
class Transcoder {
  json = '';
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  value(depth: number): void {
    const { bytes, at } = this;
    const kind = kindAt(bytes, at);
    if (kind === 'map') {
      this.map(depth);
    } else if (kind === 'array') {
      this.array(depth);
    } else {
      this.json += scalarText(bytes, at, kind);
      this.at = skip(bytes, at);
    }
  }

  private array(depth: number): void {
    const count = this.enter(depth);
    this.json += '[';
    for (let i = 0; i < count; i++) {
      if (i > 0) this.json += ',';
      this.value(depth + 1);
    }
    this.json += ']';
  }

  private map(depth: number): void {
    const count = this.enter(depth);
    const seen = new Set<string>();
    this.json += '{';
    for (let i = 0; i < count; i++) {
      if (i > 0) this.json += ',';
      const name = this.name();
      if (seen.size === seen.add(name).size) throw refused('a map key is repeated', this.at);
      this.json += `${JSON.stringify(name)}:`;
      this.at = skip(this.bytes, this.at);
      this.value(depth + 1);
    }
    this.json += '}';
  }

  private enter(depth: number): number {
    const { bytes, at } = this;
    if (depth === MAX_DEPTH) throw refused(`nested deeper than ${MAX_DEPTH} levels`, at);
    this.at = bodyAt(bytes, at);
    return lengthAt(bytes, at);
  }

  private name(): string {
    const kind = kindAt(this.bytes, this.at);
    if (kind !== 'str') throw refused(`a map key is ${kind}; JSON member names must be strings`, this.at);
    return stringAt(this.bytes, this.at);
  }
}

function scalarText(bytes: Uint8Array, at: number, kind: Exclude<Kind, 'map' | 'array'>): string {
  switch (kind) {
    case 'nil':
      return 'null';
    case 'bool':
      return bytes[at] === 0xc3 ? 'true' : 'false';
    case 'int':
      return String(readInteger(bytes, at));
    case 'float':
      return floatText(readFloat(bytes, at), at);
    case 'str':
      return JSON.stringify(stringAt(bytes, at));
    case 'bin':
      throw refused('binary data has no JSON form', at);
    case 'ext':
      throw refused(`${extensionName(bytes, at)} has no JSON form`, at);
  }
}

function stringAt(bytes: Uint8Array, at: number): string {
  const body = bodyAt(bytes, at);
  const text = decodeUtf8(bytes, body, body + lengthAt(bytes, at));
  if (text === undefined) throw refused('a string is not UTF-8', at);
  return text;
}

/** Returns digits that read back as the same double. An integral float gets a fraction, so that it stays a float. */
function floatText(value: number, at: number): string {
  if (!Number.isFinite(value)) throw refused(`the float ${value} has no JSON form`, at);
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  return Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

function extensionName(bytes: Uint8Array, at: number): string {
  const type = bytes[bodyAt(bytes, at) - 1]!;
  return type === TIMESTAMP_TYPE ? 'a timestamp' : `an extension of type ${(type << 24) >> 24}`;
}

function refused(reason: string, at: number): NotConvertible {
  return new NotConvertible(`${reason}, at byte ${at}`);
}
