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

/** The flag of a variable of the environment. What it is given is judged with the rest of the configuration. */
export class VariableOption extends Option {
  /** What it may be, where that is a few words. */
  readonly values: readonly string[];

  constructor(name: VariableName) {
    const variable: Variable<unknown> & { of?: readonly string[] } = VARIABLES[name];
    const { kind, of = [], group } = variable;
    // A boolean flag alone says yes.
    const argument = kind === 'boolean' ? '[bool]' : `<${kind === 'integer' ? 'n' : 'text'}>`;
    super(`${flagOf(name)} ${argument}`, helpOf(name));
    if (kind === 'boolean') this.preset('true');
    this.helpGroup(`${GROUPS[group]}:`);
    this.values = kind === 'boolean' ? ['true', 'false'] : of;
  }
}

/** Adds flags for variables of the environment, by default for all of them; `--redis-host` is REDIS_HOST. */
export function addVariables(command: Command, names: readonly VariableName[] = VARIABLE_NAMES): Command {
  for (const name of names) command.addOption(new VariableOption(name));
  return command;
}

/** The variables whose flags were given on the command line. */
export function givenVariables(flags: Readonly<Record<string, unknown>>): VariableName[] {
  return VARIABLE_NAMES.filter((name) => typeof flags[attributeOf(name)] === 'string');
}

/** The environment with the flags that were given laid over it. */
export function environmentWith(flags: Readonly<Record<string, unknown>>): Environment {
  const env: Record<string, string | undefined> = { ...process.env };
  for (const name of givenVariables(flags)) env[name] = flags[attributeOf(name)] as string;
  return env;
}

/** commander's name for the flag's value: REDIS_HOST is `redisHost`. */
function attributeOf(name: VariableName): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
