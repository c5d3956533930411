/**
 * The kinds of variables. Each kind is a valibot schema from the text of the environment to the value in Config.
 * `variables.ts` builds its rows with these functions. A row defines everything about a variable.
 */
import * as v from 'valibot';

/** The sections of the documentation, in order. The keys are the values of `group` in a row. */
export const GROUPS = {
  server: 'Server',
  tls: 'TLS',
  access: 'Access',
  redis: 'Redis',
  store: 'Values in Redis',
  ttl: 'TTL by type',
  dependencies: 'Values that depend on others',
  quality: 'Quality of values',
  local: 'Local cache (L1)',
  pubsub: 'Invalidation link',
  limits: 'Limits',
  push: 'WebSocket',
  faults: 'Faults and overload',
  warmup: 'Warm-up',
  observe: 'Logs and statistics',
  tracing: 'Traces',
} as const;

export type Group = keyof typeof GROUPS;

/** The only value of `required` in a row. */
export const UNLESS_STANDALONE = 'unless standalone';

/** The properties of a row that do not depend on its kind. */
export interface Row<T> {
  readonly group: Group;
  /** Documentation for operators, in one or two sentences. */
  readonly doc: string;
  /** Without a default the variable may stay unset. Its value is then `undefined`. */
  readonly default?: T;
  readonly required?: typeof UNLESS_STANDALONE;
  /** Other variables: if one of them is set, this one is not required, and may stay `undefined`. */
  readonly replacedBy?: readonly string[];
  /** The unit of the value: `seconds`, `ms`, `bytes`, `entries`, … */
  readonly unit?: string;
  /** The effect of a special lowest value, for operators: `0 disables it`. */
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

// A row without a default may be undefined in Config, unless nothing replaces a required value.
type ValueOf<T, R extends Row<T>> = R extends { default: T }
  ? T
  : R extends { replacedBy: readonly string[] }
    ? T | undefined
    : R extends { required: string }
      ? T
      : T | undefined;

/** A whole number in decimal digits, from the first to the second number of `within`. */
export function integer<const R extends Row<number> & { within: readonly [min: number, max: number] }>(
  row: R,
): Variable<ValueOf<number, R>> {
  const [min, max] = row.within;
  // Number() alone would accept "1e3", "0x10" and " 5"; parseInt would accept "300s".
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

/** true/false, yes/no, on/off or 1/0, in upper or lower case. */
export function boolean<const R extends Row<boolean>>(row: R): Variable<ValueOf<boolean, R>> {
  const words = { truthy: ['true', '1', 'yes', 'on'], falsy: ['false', '0', 'no', 'off'] };
  const schema = v.pipe(v.string(), v.toLowerCase(), v.parseBoolean(words));
  return finish<boolean, R>(row, 'boolean', 'true or false (or 1/0, yes/no, on/off)', schema);
}

/** One of a few words, in upper or lower case. */
export function choice<const C extends string, const R extends Row<NoInfer<C>> & { of: readonly C[] }>(
  row: R & { of: readonly C[] },
): Variable<ValueOf<C, R>> {
  const schema = v.pipe(v.string(), v.toLowerCase(), v.picklist(row.of));
  return finish<C, R>(row, 'choice', `one of ${row.of.join(', ')}`, schema);
}

/** A test of a text beyond its pattern. */
interface Tested {
  readonly test?: (text: string) => boolean;
}

/** Text that matches `pattern` and passes `test`; `expected` describes both in words. */
export function text<const R extends Row<string> & Tested & { pattern: RegExp; expected: string }>(
  row: R,
): Variable<ValueOf<string, R>> {
  const schema = v.pipe(v.string(), v.regex(row.pattern), v.check(row.test ?? (() => true)));
  return finish<string, R>(row, 'text', row.expected, schema);
}

/**
 * Text that is never shown. Unlike the other kinds, the empty string is a value: it means "no password". Line breaks
 * are rejected, because a secret that was created with `echo` ends in one by mistake.
 */
export function secret<const R extends Row<Secret> & Tested & { expected: string }>(
  row: R,
): Variable<ValueOf<Secret, R>> {
  const schema = v.pipe(
    v.string(),
    v.regex(/^[^\r\n]*$/),
    v.check(row.test ?? (() => true)),
    v.transform((value) => new Secret(value)),
  );
  return finish<Secret, R>(row, 'secret', row.expected, schema);
}

/** A string that only `reveal()` returns. Logs, JSON and messages contain `***` instead. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret; '' if it is empty. */
  reveal(): string {
    return this.#value;
  }

  /** `***`, or '' if the secret is empty. */
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
  // This cast is sound: ValueOf only adds undefined, which is the value of an unset variable without a default.
  return variable as Variable<ValueOf<T, R>>;
}
