/** The command line as a whole: which subcommands there are, and how each comes to its flags. */
import { type Argument, Command, type Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { SUBCOMMANDS } from './commands/index.ts';

/** With choices and default in the manner of the variables: `(one of a, b; default a)`. */
function described({ description, argChoices, defaultValue, defaultValueDescription }: Option | Argument) {
  const initial = defaultValueDescription ?? defaultValue;
  const facts = [
    argChoices && `one of ${argChoices.join(', ')}`,
    initial !== undefined && `default ${initial}`,
  ].filter(Boolean);
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

export function createProgram(): Command {
  const program = new Command('ratecache')
    .description(packageJson.description)
    .version(packageJson.version)
    .helpCommand(false)
    .configureHelp({
      optionDescription: (option) => described(option),
      argumentDescription: (argument) => described(argument),
    })
    .exitOverride();
  for (const { name, summary, group } of SUBCOMMANDS) {
    const command = program.command(name, { hidden: group === undefined }).description(summary);
    if (group !== undefined) command.helpGroup(group);
  }
  return program.hook('preSubcommand', (_, command) =>
    SUBCOMMANDS.find(({ name }) => name === command.name())?.define(command),
  );
}
