import { TYPES, type TypeIndex, typeOf } from '../../key.ts';
import type { Entry } from '../entry.ts';
import { literalHead } from '../glob.ts';
import type { Match } from '../match.ts';
import { isForeign, msOf, type Version } from '../version.ts';
import { placeholdersOf, type Rule } from './rules.ts';
import { Shape, textAt, valuesOf } from './shape.ts';

/** The last change of an input. Dependents with an earlier version, or the same, are outdated. */
export interface Change {
  readonly input: string;
  readonly version: Version;
}

/** The inputs of a rule that have the same placeholders. One lookup finds the last change of all of them. */
interface Group {
  /** Unique among all groups. */
  readonly id: number;
  readonly names: readonly string[];
  /** The places of the placeholders in the key of a dependent. */
  readonly places: readonly number[];
  readonly dependent: Shape;
  /** By the values of the placeholders, the change that was recorded last at the end. */
  readonly changes: Map<string, Change>;
}

interface PreparedRule {
  readonly dependent: Shape;
  readonly inputs: readonly Shape[];
  readonly groups: readonly Group[];
}

interface Input {
  readonly shape: Shape;
  readonly group: Group;
}

/** The changes that are remembered for each group of inputs. */
const REMEMBERED = 65_536;

/**
 * Remembers when each input last changed, and finds the entries that are older than their inputs. No list of dependents
 * is kept: an entry is compared with its inputs when it is read.
 *
 * The link reports the changes of a server in the order in which Redis made them. Versions alone do not show this order:
 * clocks differ, and a pending write is made long after it was stamped. So a change counts as at least as new as every
 * dependent that was reported before it. A dependent that is reported after the change has a greater version, unless its
 * writer's clock is behind; then it counts as outdated, which costs a miss.
 *
 * Nothing is known about changes before the floor. It rises when changes may have been missed, and when a change is
 * forgotten because too many are remembered.
 */
export class InputChanges {
  readonly #limit: number;
  /** By type, the rules whose dependents have this type; undefined for most types. */
  readonly #rules: readonly (readonly PreparedRule[] | undefined)[];
  readonly #inputs: readonly (readonly Input[])[];
  /** The greatest version of a dependent that the link has reported. */
  #heard: Version = '';
  #floor: Version = '';

  constructor(rules: readonly Rule[], limit = REMEMBERED) {
    this.#limit = limit;
    const inputs = TYPES.map((): Input[] => []);
    let groups = 0;
    const prepared = rules.map(({ dependent, inputs: templates }): PreparedRule => {
      const shape = new Shape(dependent);
      const byNames = new Map<string, Group>();
      const shapes = templates.map((template) => new Shape(template));
      for (const input of shapes) {
        const names = placeholdersOf(input.template);
        const name = names.join(' ');
        const group = byNames.get(name) ?? {
          id: groups++,
          names,
          places: shape.placesOf(names),
          dependent: shape,
          changes: new Map(),
        };
        byNames.set(name, group);
        inputs[input.template.type]!.push({ shape: input, group });
      }
      return { dependent: shape, inputs: shapes, groups: [...byNames.values()] };
    });
    this.#inputs = inputs;
    this.#rules = TYPES.map((_, type) => {
      const ofType = prepared.filter(({ dependent }) => dependent.template.type === type);
      return ofType.length === 0 ? undefined : ofType;
    });
  }

  /** A bit for each type whose keys may depend on others. */
  get types(): number {
    return this.#rules.reduce((bits, rules, type) => (rules === undefined ? bits : bits | (1 << type)), 0);
  }

  /** Nothing is known about changes of inputs before this version. */
  get floor(): Version {
    return this.#floor;
  }

  /** Returns a change of an input that makes the entry outdated, if one is known. */
  changeAfter(entry: Entry): Change | undefined {
    const rules = this.#rules[entry.type];
    if (rules === undefined) return undefined;
    const { key } = entry;
    for (const { dependent, groups } of rules) {
      if (!dependent.match(key)) continue;
      for (const group of groups) {
        const change = group.changes.get(valueAt(key, group));
        if (change !== undefined && !isNewer(entry, change.version)) return change;
      }
    }
    return undefined;
  }

  /** Returns the last change of any input of the key, if one is known. */
  lastOf(key: string): Change | undefined {
    let last: Change | undefined;
    for (const { dependent, groups } of this.#rules[typeOf(key)] ?? []) {
      if (!dependent.match(key)) continue;
      for (const group of groups) {
        const change = group.changes.get(valueAt(key, group));
        if (change !== undefined && (last === undefined || change.version > last.version)) last = change;
      }
    }
    return last;
  }

  /** Whether every change of the entry's inputs since it was stored is known. */
  knows(entry: Entry): boolean {
    return isNewer(entry, this.#floor);
  }

  isDependent(key: string): boolean {
    return this.#rules[typeOf(key)]?.some(({ dependent }) => dependent.match(key)) ?? false;
  }

  /** Returns the keys of the inputs; none for a key that does not depend on others. */
  inputsOf(key: string): string[] {
    for (const { dependent, inputs } of this.#rules[typeOf(key)] ?? []) {
      const values = valuesOf(dependent, key);
      if (values !== undefined) return inputs.map((input) => input.fill(values));
    }
    return [];
  }

  /**
   * The link reports a change of a key.
   * @param version of the change; undefined where no replica announced it
   * @param now a version that is not less than any that was made until now
   * @param isOrdered whether one link reports the changes of all keys
   * @returns whether the key is an input, so that its dependents may be outdated now
   */
  heard(key: string, version: Version | undefined, now: () => Version, isOrdered = true): boolean {
    const type = typeOf(key);
    if (this.#rules[type] !== undefined) {
      const heard = version ?? now();
      if (heard > this.#heard) this.#heard = heard;
    }
    if (this.#inputs[type]!.length === 0) return false;
    // A dependent above the floor was reported, so a change without a version is newer than `#heard` and the floor. With
    // several links, a dependent that was stored before may be reported later.
    const unknown = () => (isOrdered ? this.#floor : now());
    return this.changed(key, later(version ?? unknown(), this.#heard));
  }

  /** Records a change of a key. Returns whether the key is an input whose dependents may be outdated now. */
  changed(key: string, version: Version): boolean {
    let grown = false;
    for (const { shape, group } of this.#inputs[typeOf(key)]!) {
      const value = valueIn(shape, key);
      if (value === undefined) continue;
      const { changes } = group;
      const before = changes.get(value);
      if (before !== undefined && before.version >= version) continue;
      grown = true;
      changes.delete(value);
      changes.set(value, { input: key, version });
      if (changes.size > this.#limit) this.#forgetOldest(changes);
    }
    return grown;
  }

  #forgetOldest(changes: Map<string, Change>): void {
    const [[value, { version }]] = changes as unknown as [[string, Change]];
    changes.delete(value);
    this.raiseFloor(version);
  }

  /** Changes with this version or a lower one may be unknown from now on. */
  raiseFloor(version: Version): void {
    if (version > this.#floor) this.#floor = version;
  }

  /** Whether keys of the type, or with one of the prefixes, may depend on others. */
  concernsAny(types: readonly TypeIndex[], prefixes: readonly string[]): boolean {
    return this.#rules.some((rules = [], type) =>
      rules.some(
        ({ dependent: { head } }) =>
          types.includes(type) ||
          prefixes.some((prefix) => prefix.startsWith(head) || head.startsWith(prefix)),
      ),
    );
  }

  isInput(key: string): boolean {
    return this.#inputs[typeOf(key)]!.some(({ shape }) => shape.match(key));
  }

  /** Whether a match may cover inputs. */
  mayCover(match: Match): boolean {
    if ('type' in match) return this.#inputs[match.type]!.length > 0;
    const { head } = literalHead(match.pattern);
    return this.#inputs
      .flat()
      .some(({ shape }) => shape.head.startsWith(head) || head.startsWith(shape.head));
  }

  /**
   * The groups of a key as an input or as a dependent, each with the values of its placeholders. A dependent depends on an
   * input if they have a group in common.
   */
  groupsOfInput(key: string): string[] {
    return this.#inputs[typeOf(key)]!.flatMap(({ shape, group }) => {
      const value = valueIn(shape, key);
      return value === undefined ? [] : [`${group.id} ${value}`];
    });
  }

  /** As `groupsOfInput`, for a dependent. */
  groupsOf(key: string): string[] {
    for (const { dependent, groups } of this.#rules[typeOf(key)] ?? [])
      if (dependent.match(key)) return groups.map((group) => `${group.id} ${valueAt(key, group)}`);
    return [];
  }

  /** Returns globs that cover the dependents of an input, or those of all inputs. */
  dependentsOf(input?: string): string[] {
    if (input === undefined)
      return this.#rules.flatMap((rules = []) => rules.map(({ dependent }) => dependent.glob(new Map())));
    const globs = this.#inputs[typeOf(input)]!.flatMap(({ shape, group }) => {
      const values = valuesOf(shape, input);
      return values === undefined ? [] : [group.dependent.glob(values)];
    });
    return [...new Set(globs)];
  }
}

/** The values of the placeholders of the group in the key of a dependent that matched last. */
function valueAt(key: string, { places }: Group): string {
  if (places.length === 1) return textAt(key, places[0]!);
  let value = '';
  for (const place of places) value += `${textAt(key, place)}:`;
  return value;
}

/** The same for the key of an input; undefined where it does not have the form. */
function valueIn(shape: Shape, key: string): string | undefined {
  if (!shape.match(key)) return undefined;
  const { own } = shape;
  if (own.length === 1) return textAt(key, own[0]!);
  let value = '';
  for (const place of own) value += `${textAt(key, place)}:`;
  return value;
}

function later(a: Version, b: Version): Version {
  if (a > b) return a;
  return b;
}

/** Whether the entry was stored, and its inputs were read, after the change with this version. */
export function isNewer(entry: Entry, version: Version): boolean {
  const asOf = entry.origin?.asOf;
  if (asOf !== undefined && version !== '' && asOf < msOf(version)) return false;
  // A value of another program has no version, but perhaps a time.
  if (isForeign(entry.version)) return version === '' || entry.storedAt > msOf(version);
  return entry.version > version;
}
