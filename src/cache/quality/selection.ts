import { TYPES, type TypeIndex, typeOf } from '../../key.ts';

/** A set of keys: each key in `keys`, of a type in `types`, or with a prefix in `prefixes`. */
export interface Selection {
  readonly keys: readonly string[];
  readonly types: readonly TypeIndex[];
  readonly prefixes: readonly string[];
}

/** The number of names in a selection, which limits count. */
export function namesOf({ keys, types, prefixes }: Selection): number {
  return keys.length + types.length + prefixes.length;
}

/** The selection of all keys of some selections. */
export function unionOf(selections: readonly Selection[]): Selection {
  const all = <Name>(of: (selection: Selection) => readonly Name[]) => [...new Set(selections.flatMap(of))];
  return {
    keys: all(({ keys }) => keys),
    types: all(({ types }) => types),
    prefixes: all(({ prefixes }) => prefixes),
  };
}

/** Whether both selections have the same names, in any order. */
export function isSameSelection(a: Selection, b: Selection): boolean {
  const sorted = ({ keys, types, prefixes }: Selection) =>
    JSON.stringify([keys, types, prefixes].map((names) => [...new Set<string | number>(names)].sort()));
  return sorted(a) === sorted(b);
}

/**
 * Finds the selections that cover a key with one lookup for the key, one for its type, and one for each distinct length
 * of a prefix. It does not change after it was built.
 */
export class SelectionIndex<Item extends Selection> {
  readonly #byKey = new Map<string, Item[]>();
  readonly #byType: readonly Item[][] = TYPES.map(() => []);
  readonly #byPrefix = new Map<string, Item[]>();
  readonly #prefixLengths = new Set<number>();
  readonly size: number;

  constructor(items: readonly Item[]) {
    this.size = items.length;
    for (const item of items) {
      for (const key of item.keys) addTo(this.#byKey, key, item);
      for (const type of item.types) this.#byType[type]!.push(item);
      for (const prefix of item.prefixes) {
        addTo(this.#byPrefix, prefix, item);
        this.#prefixLengths.add(prefix.length);
      }
    }
  }

  /** The items that cover the key: those that name it, then by type, then by prefix. */
  of(key: string): readonly Item[] {
    if (this.size === 0) return NONE;
    const found: Item[] = [...(this.#byKey.get(key) ?? NONE), ...this.#byType[typeOf(key)]!];
    for (const length of this.#prefixLengths)
      if (length <= key.length) found.push(...(this.#byPrefix.get(key.slice(0, length)) ?? NONE));
    return found;
  }
}

const NONE: readonly never[] = [];

function addTo<Item>(index: Map<string, Item[]>, name: string, item: Item): void {
  const known = index.get(name);
  if (known === undefined) index.set(name, [item]);
  else known.push(item);
}
