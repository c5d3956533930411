/** The actions and flags of `ratecache token`. */
import { type Command, InvalidArgumentError } from 'commander';
import { SCOPES, type Scope } from '../access/principal.ts';
import { isTime, NAME } from '../access/tokens-file.ts';
import { EXIT_USAGE, Failure } from './exits.ts';

interface Action {
  readonly needs: readonly string[];
  readonly takes: readonly string[];
}

/** By action, the flags that it requires and the flags that have an effect. */
export const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ['new', { needs: ['name', 'scope'], takes: ['name', 'scope', 'prefix', 'expires', 'file'] }],
  ['list', { needs: ['file'], takes: ['file', 'json'] }],
  ['hash', { needs: [], takes: [] }],
]);

export const DEFAULT_EXPIRY = '90d';

const MS = { h: 3_600_000, d: 86_400_000 };

/** @throws Failure for a missing flag, and for a flag without effect */
export function refuseIdle(action: string, command: Command): void {
  const { needs, takes } = ACTIONS.get(action)!;
  for (const { long } of command.options) {
    const name = long!.slice(2);
    const given = command.getOptionValueSource(name) === 'cli';
    if (given && !takes.includes(name))
      throw new Failure(`--${name} has no effect on token ${action}; remove the flag`, EXIT_USAGE);
    if (!given && needs.includes(name)) throw new Failure(`token ${action} needs --${name}`, EXIT_USAGE);
  }
}

export function tokenNameOf(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError('Expected 1 to 64 letters, digits, dots, dashes or underscores.');
}

export function scopeOf(text: string, before: readonly Scope[] = []): Scope[] {
  const scope = SCOPES.find((each) => each === text);
  if (scope === undefined) throw new InvalidArgumentError(`Expected one of ${SCOPES.join(', ')}.`);
  return [...new Set([...before, scope])];
}

export function prefixOf(text: string, before: readonly string[] = []): string[] {
  if (text === '') throw new InvalidArgumentError('Expected a prefix; omit the flag to allow every key.');
  return [...before, text];
}

/** The time in the format of the tokens file, or `never`. */
export function timeOf(text: string): string {
  if (text === 'never') return text;
  const [, count, unit] = /^([1-9]\d{0,4})([dh])$/.exec(text) ?? [];
  if (count === undefined && !isTime(text))
    throw new InvalidArgumentError('Expected 90d, 12h, a time such as 2027-01-01T00:00:00Z, or never.');
  const at =
    count === undefined ? Date.parse(text) : Date.now() + Number(count) * MS[unit as keyof typeof MS];
  if (at <= Date.now()) throw new InvalidArgumentError('Expected a time in the future.');
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
