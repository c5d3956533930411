import { literally } from '../glob.ts';
import { headOf, MOST_PARTS, placeholdersOf, type Template } from './rules.ts';

// The bounds of the parts of the key that was matched last. One pair of arrays for all, so that a match allocates nothing.
const starts = new Int32Array(MOST_PARTS);
const ends = new Int32Array(MOST_PARTS);

/** A template that is ready to be matched with keys. */
export class Shape {
  readonly template: Template;
  /** The text with which all keys begin. */
  readonly head: string;
  /** The places of its placeholders among the parts. */
  readonly own: readonly number[];
  readonly #hasRest: boolean;
  /** The number of parts without the rest. */
  readonly #count: number;
  readonly #texts: readonly (readonly [part: number, text: string])[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(template: Template) {
    const { parts } = template;
    this.template = template;
    this.head = `${headOf(template)}:`;
    this.#hasRest = parts.at(-1)!.is === 'rest';
    this.#count = parts.length - (this.#hasRest ? 1 : 0);
    this.#texts = parts.flatMap((part, i) => (part.is === 'text' && i > 0 ? [[i, part.text] as const] : []));
    this.#places = new Map(parts.flatMap((part, i) => (part.is === 'placeholder' ? [[part.name, i]] : [])));
    this.own = [...this.#places.values()];
  }

  /** Finds the parts of the key, for `textAt`. Returns false where the key does not have this form. */
  match(key: string): boolean {
    const { head } = this;
    if (!key.startsWith(head)) return false;
    const last = this.#count - 1;
    let start = head.length;
    let end = start - 1;
    for (let i = 1; i <= last; i++) {
      end = key.indexOf(':', start);
      if (end < 0) {
        if (i < last || this.#hasRest) return false;
        end = key.length;
      }
      if (end === start) return false;
      starts[i] = start;
      ends[i] = end;
      start = end + 1;
    }
    // The rest has at least one character. Without a rest, the last part ends the key.
    if (this.#hasRest ? start >= key.length : end !== key.length) return false;
    for (const [part, text] of this.#texts) if (textAt(key, part) !== text) return false;
    return true;
  }

  /** The places of these placeholders among the parts. */
  placesOf(names: readonly string[]): number[] {
    return names.map((name) => this.#places.get(name)!);
  }

  /** Returns the key with these values of the placeholders. */
  fill(values: ReadonlyMap<string, string>): string {
    return this.template.parts
      .map((part) =>
        part.is === 'placeholder' ? values.get(part.name)! : part.is === 'text' ? part.text : '*',
      )
      .join(':');
  }

  /** Returns a glob of the keys with these values; other placeholders have any value. */
  glob(values: ReadonlyMap<string, string>): string {
    const words = this.template.parts.map((part) => {
      if (part.is === 'text') return literally(part.text);
      const value = part.is === 'placeholder' ? values.get(part.name) : undefined;
      return value === undefined ? '*' : literally(value);
    });
    // A star matches colons too, so one at the end covers several parts.
    while (words.at(-1) === '*' && words.at(-2) === '*') words.pop();
    return words.join(':');
  }
}

/** The text of a part of the key that matched last. */
export function textAt(key: string, part: number): string {
  return key.slice(starts[part], ends[part]);
}

/** Returns the values of all placeholders of a key; undefined where the key does not have the form. */
export function valuesOf(shape: Shape, key: string): Map<string, string> | undefined {
  if (!shape.match(key)) return undefined;
  const names = placeholdersOf(shape.template);
  return new Map(names.map((name, i) => [name, textAt(key, shape.own[i]!)]));
}
