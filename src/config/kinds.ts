/**
 * The kinds of variables, each a valibot schema from the text of the environment to the value in Config.
 * `variables.ts` builds its rows with these functions; a row is all that is known about a variable.
 */
import * as v from 'valibot';

/** Sections of the documentation, in this order. The keys are what `group` of a row may be. */
export const GROUPS = {
  server: 'Server',
  redis: 'Redis',
  store: 'Values in Redis',
  ttl: 'Lifetime of values by type',
  local: 'Local cache (L1)',
  pubsub: 'Invalidation link',
  limits: 'Limits',
  push: 'WebSocket',
  faults: 'Faults and overload',
  warmup: 'Warm-up',
  observe: 'Logs and statistics',
} as const;

export type Group = keyof typeof GROUPS;

/** What `required` of a row may say. */
export const UNLESS_STANDALONE = 'unless standalone';

/** What every row says, whatever its kind. */
export interface Row<T> {
  readonly group: Group;
  /** One sentence for operators. */
  readonly doc: string;
  /** Absent: the variable may stay unset, and its value is then `undefined`. */
  readonly default?: T;
  readonly required?: typeof UNLESS_STANDALONE;
  /** What a value counts: `seconds`, `ms`, `bytes`, `entries`, … */
  readonly unit?: string;
  /** Why its lowest value is special, for operators: `0 turns it off`. */
  readonly note?: string;
}

/** A row of the table with its kind's parser; `T` is the type of its value in Config. */
export interface Variable<T> extends Row<T> {
  readonly kind: 'text' | 'secret' | 'integer' | 'boolean' | 'choice';
  readonly secret: boolean;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  readonly schema: v.GenericSchema<string, T>;
}

// A row with neither a default nor `required` may be undefined in Config.
type ValueOf<T, R extends Row<T>> = R extends { default: T } | { required: string } ? T : T | undefined;

/** A whole number in plain decimal digits within `within`, both ends included. */
export function integer<const R extends Row<number> & { within: readonly [min: number, max: number] }>(
  row: R,
): Variable<ValueOf<number, R>> {
  const [min, max] = row.within;
  // Number() alone would take "1e3", "0x10" and " 5", parseInt would take "300s".
  const schema = v.pipe(
    v.string(),
    v.regex(/^(0|[1-9][0-9]*)$/),
    v.transform(Number),
    v.safeInteger(),
    v.minValue(min),
    v.maxValue(max),
  );
  return finish<number, R>(row, 'integer', `a whole number from ${min} to ${max}`, schema);
}

/** true/false, yes/no, on/off or 1/0 in any case. */
export function boolean<const R extends Row<boolean>>(row: R): Variable<ValueOf<boolean, R>> {
  const words = { truthy: ['true', '1', 'yes', 'on'], falsy: ['false', '0', 'no', 'off'] };
  const schema = v.pipe(v.string(), v.toLowerCase(), v.parseBoolean(words));
  return finish<boolean, R>(row, 'boolean', 'true or false (or 1/0, yes/no, on/off)', schema);
}

/** One of a few words, in any case. */
export function choice<const C extends string, const R extends Row<NoInfer<C>> & { of: readonly C[] }>(
  row: R & { of: readonly C[] },
): Variable<ValueOf<C, R>> {
  const schema = v.pipe(v.string(), v.toLowerCase(), v.picklist(row.of));
  return finish<C, R>(row, 'choice', `one of ${row.of.join(', ')}`, schema);
}

/** Text that matches `pattern`; `expected` says the same in words. */
export function text<const R extends Row<string> & { pattern: RegExp; expected: string }>(
  row: R,
): Variable<ValueOf<string, R>> {
  return finish<string, R>(row, 'text', row.expected, v.pipe(v.string(), v.regex(row.pattern)));
}

/**
 * Text that never shows. Unlike any other kind it may be set to the empty string, which is a value of its own
 * ("there is no password"). A line break is refused: it is what a secret made with `echo` ends in.
 */
export function secret<const R extends Row<Secret> & { expected: string }>(
  row: R,
): Variable<ValueOf<Secret, R>> {
  const schema = v.pipe(
    v.string(),
    v.regex(/^[^\r\n]*$/),
    v.transform((value) => new Secret(value)),
  );
  return finish<Secret, R>(row, 'secret', row.expected, schema);
}

/** A string that shows itself only to a caller of `reveal()`: logs, JSON and messages see `***`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The text itself; '' where there is none. */
  reveal(): string {
    return this.#value;
  }

  /** `***`, or '' where there is none. */
  toString(): string {
    return this.#value === '' ? '' : '***';
  }

  toJSON(): string {
    return this.toString();
  }
}

function finish<T, R extends Row<T>>(
  row: R,
  kind: Variable<T>['kind'],
  expected: string,
  schema: v.GenericSchema<string, T>,
): Variable<ValueOf<T, R>> {
  const variable: Variable<T> = { ...row, kind, secret: kind === 'secret', expected, schema };
  // Sound: ValueOf only adds undefined, which no schema yields and an absent default stands for.
  return variable as Variable<ValueOf<T, R>>;
}
