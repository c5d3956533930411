import { quote } from './quote.ts';

const NEEDED = ['SYM', 'FEERATE', 'REBATERATE', 'AVAILABLE'] as const;
const KNOWN = new Set<string>([...NEEDED, 'CUR', 'NAME', 'CON', 'ISIN', 'FIGI']);

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds control characters
export const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The columns of a sheet, as its `#SYM` line names them. */
export class Columns {
  readonly #names: readonly string[];
  /** Column name -> index in a row. */
  readonly #places: ReadonlyMap<string, number>;
  /** Whether a `|` follows the last field too. */
  readonly #terminated: boolean;

  constructor(names: readonly string[], terminated: boolean) {
    this.#names = names;
    this.#places = new Map(names.map((name, index) => [name, index]));
    this.#terminated = terminated;
  }

  /** Reads a line that begins with `#`: its columns, the reason why they cannot be used, or undefined for other lines. */
  static read(line: string): Columns | string | undefined {
    const names = line
      .slice(1)
      .split('|')
      .map((name) => name.trim().toUpperCase());
    if (names.at(-1) === '') names.pop();
    if (!names.some((name) => KNOWN.has(name))) return undefined;
    const missing = NEEDED.filter((name) => !names.includes(name));
    if (missing.length > 0) return `the columns ${missing.join(', ')} are missing from the #SYM line`;
    const twice = names.find((name, index) => KNOWN.has(name) && names.indexOf(name) !== index);
    if (twice !== undefined) return `the column ${twice} is repeated`;
    return new Columns(names, line.trimEnd().endsWith('|'));
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Splits a row. Returns its fields by the name of their column ('' for a missing column), or the reason of a fault. */
  fieldsOf(text: string): ((name: string) => string) | string {
    if (CONTROL.test(text)) {
      const at = text.split('|').findIndex((field) => CONTROL.test(field));
      return `${this.#names[at] ?? 'the row'} is ${quote(text.split('|')[at]!)}, expected text without control characters`;
    }
    const fields = text.split('|');
    const count = this.#names.length;
    const extra = this.#terminated || fields.length === count + 1;
    if (extra && fields.at(-1)!.trim() === '') fields.pop();
    if (fields.length !== count) return `${fields.length} fields, expected ${count}`;
    return (name) => fields[this.#places.get(name) ?? -1]?.trim() ?? '';
  }
}
