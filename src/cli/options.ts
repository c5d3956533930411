import { type Command, Option } from 'commander';
import {
  type Environment,
  flagOf,
  GROUPS,
  helpOf,
  VARIABLE_NAMES,
  VARIABLES,
  type Variable,
  type VariableName,
} from '../config/config.ts';

/** The flag of an environment variable. Its value is validated together with the whole configuration. */
export class VariableOption extends Option {
  /** The allowed values, if they are a short list of words. */
  readonly values: readonly string[];

  constructor(name: VariableName) {
    const variable: Variable<unknown> & { of?: readonly string[] } = VARIABLES[name];
    const { kind, of = [], group } = variable;
    // A boolean flag without a value means true.
    const argument = kind === 'boolean' ? '[bool]' : `<${kind === 'integer' ? 'n' : 'text'}>`;
    super(`${flagOf(name)} ${argument}`, helpOf(name));
    if (kind === 'boolean') this.preset('true');
    this.helpGroup(`${GROUPS[group]}:`);
    this.values = kind === 'boolean' ? ['true', 'false'] : of;
  }
}

/** Adds a flag for each environment variable, all of them by default; `--redis-host` sets REDIS_HOST. */
export function addVariables(command: Command, names: readonly VariableName[] = VARIABLE_NAMES): Command {
  for (const name of names) command.addOption(new VariableOption(name));
  return command;
}

/** The variables whose flags the command line contains. */
export function givenVariables(flags: Readonly<Record<string, unknown>>): VariableName[] {
  return VARIABLE_NAMES.filter((name) => typeof flags[attributeOf(name)] === 'string');
}

/** The environment, overridden by the flags of the command line. */
export function environmentWith(flags: Readonly<Record<string, unknown>>): Environment {
  const env: Record<string, string | undefined> = { ...process.env };
  for (const name of givenVariables(flags)) env[name] = flags[attributeOf(name)] as string;
  return env;
}

/** The name by which commander stores the value of a flag: `redisHost` for REDIS_HOST. */
function attributeOf(name: VariableName): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
