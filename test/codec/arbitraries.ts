import fc from 'fast-check';
import type { MsgpackWriter } from '../../src/codec/msgpack-write.ts';

/** A value that both encodings can represent. Integers and floats are two types, and members keep their order. */
export type Model =
  | { type: 'literal'; value: null | boolean }
  | { type: 'int'; value: bigint }
  | { type: 'float'; value: number }
  | { type: 'str'; value: string }
  | { type: 'array'; items: Model[] }
  | { type: 'map'; members: [string, Model][] };

const EDGES = [0n, 31n, 32n, 127n, 128n, 255n, 256n, 32768n, 65535n, 65536n, 2n ** 31n, 2n ** 32n, 2n ** 53n];

const int = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -300n, max: 70_000n }),
  fc
    .tuple(fc.constantFrom(...EDGES), fc.constantFrom(-1n, 1n), fc.constantFrom(-1n, 0n, 1n))
    .map(([edge, sign, off]) => edge * sign + off),
);
const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 1e21, 1e300, 5e-324, 2 ** 53, 2 ** 64),
);
const str = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('', '__proto__', 'constructor', 'toString', '🦊', '\u{feff}bom', '\\"\\', 'x'.repeat(300)),
);

const leaf: fc.Arbitrary<Model> = fc.oneof(
  fc.constantFrom(null, true, false).map((value): Model => ({ type: 'literal', value })),
  int.map((value): Model => ({ type: 'int', value })),
  float.map((value): Model => ({ type: 'float', value })),
  str.map((value): Model => ({ type: 'str', value })),
);

export const model: fc.Arbitrary<Model> = fc.letrec<{ node: Model }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('node'), { maxLength: 20 }).map((items): Model => ({ type: 'array', items })),
    fc
      .uniqueArray(fc.tuple(str, tie('node')), { selector: ([name]) => name, maxLength: 20 })
      .map((members): Model => ({ type: 'map', members })),
  ),
})).node;

/** Choices of white space and string spellings that a JSON writer may make, used in turn. */
export const choices = fc.array(fc.nat(), { minLength: 1, maxLength: 30 });

/** The JSON without white space, as `msgpackToJson` writes it. */
export function canonical(value: Model): string {
  return print(value, () => 0);
}

/** The same value as JSON in another spelling. */
export function spelled(value: Model, picks: number[]): string {
  let turn = 0;
  return print(value, () => picks[turn++ % picks.length]!);
}

function print(value: Model, pick: () => number): string {
  const space = () => ['', ' ', '\n\t', '\r\n  '][pick() % 4]!;
  const inner = (): string => {
    switch (value.type) {
      case 'literal':
        return String(value.value);
      case 'int':
        return String(value.value);
      case 'float':
        return floatText(value.value);
      case 'str':
        return quoted(value.value, pick);
      case 'array':
        return `[${value.items.map((item) => print(item, pick)).join(',') || space()}]`;
      case 'map': {
        const member = ([name, item]: [string, Model]) =>
          `${space()}${quoted(name, pick)}${space()}:${print(item, pick)}`;
        return `{${value.members.map(member).join(',') || space()}}`;
      }
    }
  };
  return space() + inner() + space();
}

function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function quoted(text: string, pick: () => number): string {
  if (pick() % 3 === 0) return JSON.stringify(text);
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `"${text.split('').map(escaped).join('')}"`;
}

/** The plain value that a decoder returns: safe integers are numbers, other integers are bigints, objects are maps. */
export function plain(value: Model): unknown {
  switch (value.type) {
    case 'int':
      return narrow(value.value);
    case 'array':
      return value.items.map(plain);
    case 'map':
      return new Map(value.members.map(([name, item]) => [name, plain(item)]));
    default:
      return value.value;
  }
}

/** Replaces bigints that are safe integers by numbers, at every depth. */
export function narrow(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(narrow);
  if (value instanceof Map) return new Map([...value].map(([name, item]) => [name, narrow(item)]));
  return value;
}

export function write(writer: MsgpackWriter, value: Model): void {
  switch (value.type) {
    case 'literal':
      if (value.value === null) writer.nil();
      else writer.bool(value.value);
      break;
    case 'int':
      writer.int(value.value);
      break;
    case 'float':
      writer.float(value.value);
      break;
    case 'str':
      writer.str(value.value);
      break;
    case 'array':
      writer.array(value.items.length);
      for (const item of value.items) write(writer, item);
      break;
    case 'map':
      writer.map(value.members.length);
      for (const [name, item] of value.members) {
        writer.str(name);
        write(writer, item);
      }
  }
}
