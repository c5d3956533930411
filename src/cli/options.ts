import { type Command, Option } from 'commander';
import { type Environment, flagOf, helpOf, VARIABLE_NAMES, VARIABLES, type VariableName } from '../config.ts';

/** Adds a flag for every variable of the environment; `--redis-host` is REDIS_HOST. */
export function addVariables(command: Command): Command {
  for (const name of VARIABLE_NAMES) {
    const { kind } = VARIABLES[name];
    // A boolean flag alone says yes.
    const argument = kind === 'boolean' ? '[bool]' : `<${kind === 'integer' ? 'n' : 'text'}>`;
    const option = new Option(`${flagOf(name)} ${argument}`, helpOf(name));
    command.addOption(kind === 'boolean' ? option.preset('true') : option);
  }
  return command;
}

/** The environment with the flags that were given laid over it. */
export function environmentWith(flags: Readonly<Record<string, unknown>>): Environment {
  const env: Record<string, string | undefined> = { ...process.env };
  for (const name of VARIABLE_NAMES) {
    const flag = flags[attributeOf(name)];
    if (typeof flag === 'string') env[name] = flag;
  }
  return env;
}

/** commander's name for the flag's value: REDIS_HOST is `redisHost`. */
function attributeOf(name: VariableName): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
