import { isDeepStrictEqual } from 'node:util';
import { Secret } from './kinds.ts';
import { type Environment, parseVariables } from './parse.ts';
import { VARIABLE_NAMES, type VariableName } from './variables.ts';

/** The variables whose values differ between two valid environments. */
export function changedVariables(
  before: Environment,
  after: Environment,
  standalone: boolean,
): VariableName[] {
  const [from, to] = [before, after].map((env) => parseVariables(env, standalone).values);
  return VARIABLE_NAMES.filter((name) => !isDeepStrictEqual(plain(from![name]), plain(to![name])));
}

function plain(value: unknown): unknown {
  return value instanceof Secret ? value.reveal() : value;
}
