/** From the text of the environment to the values of the table, with every fault on the way. */
import * as v from 'valibot';
import type { Variable } from './kinds.ts';
import { VARIABLE_NAMES, VARIABLES, type Values, type VariableName } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Fault {
  readonly variable: VariableName;
  /** What the variable held, quoted; `(not set)`; for a secret `(hidden)`. */
  readonly held: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
}

/** Longer texts are cut in messages. */
const HELD_LIMIT = 100;

/**
 * Parses every variable of the table. Those that are unset, or set to the empty string without being secret,
 * take their default. REDIS_* is not looked at when `standalone`.
 *
 * @returns the values that parsed, and a fault for each of the others, in the order of the table.
 */
export function parseVariables(
  env: Environment,
  standalone: boolean,
): { values: Partial<Values>; faults: Fault[] } {
  const values: Partial<Record<VariableName, unknown>> = {};
  const faults: Fault[] = [];
  for (const name of VARIABLE_NAMES) {
    if (standalone && name.startsWith('REDIS_')) continue;
    const variable: Variable<unknown> = VARIABLES[name];
    const raw = env[name];
    if (raw === undefined || (raw === '' && !variable.secret)) {
      if (variable.required === undefined) values[name] = variable.default;
      else faults.push({ variable: name, held: held(name, env), expected: variable.expected });
      continue;
    }
    const result = v.safeParse(variable.schema, raw);
    if (result.success) values[name] = result.output;
    else
      faults.push({ variable: name, held: held(name, env), expected: variable.expected + hint(name, raw) });
  }
  return { values: values as Partial<Values>, faults };
}

/** Faults that only several variables together have. A variable that did not parse takes no part. */
export function checkTogether(values: Partial<Values>, env: Environment, standalone: boolean): Fault[] {
  const faults: Fault[] = [];
  const fault = (variable: VariableName, expected: string): void => {
    faults.push({ variable, held: held(variable, env), expected });
  };
  const below = (name: VariableName, limit: VariableName): boolean => {
    const [value, least] = [values[name], values[limit]];
    return typeof value === 'number' && typeof least === 'number' && value < least;
  };

  if (standalone && values.ENABLE_LOCAL_CACHE === false) {
    fault('ENABLE_LOCAL_CACHE', 'true when standalone, where the local cache is all there is');
  }
  if (!standalone && values.ENABLE_PUBSUB && values.REDIS_MAX_CONNECTIONS === 1) {
    fault('REDIS_MAX_CONNECTIONS', 'at least 2 with ENABLE_PUBSUB, whose link is a connection of its own');
  }
  const { HEARTBEAT_INTERVAL_MS: interval, HEARTBEAT_TIMEOUT_MS: timeout } = values;
  if (interval !== undefined && timeout !== undefined && timeout <= interval) {
    fault('HEARTBEAT_TIMEOUT_MS', `more than HEARTBEAT_INTERVAL_MS, which is ${interval}`);
  }
  for (const limit of ['MAX_BODY_BYTES', 'MAX_VALUE_BYTES'] as const) {
    if (below('MAX_BUFFERED_BODY_BYTES', limit)) {
      fault('MAX_BUFFERED_BODY_BYTES', `at least ${limit}, which is ${values[limit]}`);
    }
  }
  return faults;
}

function held(name: VariableName, env: Environment): string {
  const variable: Variable<unknown> = VARIABLES[name];
  const raw = env[name];
  if (raw === undefined || (raw === '' && !variable.secret)) {
    return variable.default === undefined ? '(not set)' : `(not set, so ${String(variable.default)})`;
  }
  if (variable.secret) return '(hidden)';
  // A URL put where a host name belongs may carry a password before its @.
  const shown = raw.replace(/^.*@/s, '(hidden)@');
  return JSON.stringify(shown.length > HELD_LIMIT ? `${shown.slice(0, HELD_LIMIT)}…` : shown);
}

function hint(name: VariableName, raw: string): string {
  if (!name.endsWith('_PORT') || !raw.startsWith('tcp://')) return '';
  return (
    '; Kubernetes sets this one for a Service of that name: set it yourself in the pod, ' +
    'or enableServiceLinks: false'
  );
}
