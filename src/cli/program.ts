/** The command line as a whole: which subcommands there are, and how help is written. */
import { type Argument, Command, type Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { SUBCOMMANDS } from './commands/index.ts';
import { LazyCommand } from './lazy-command.ts';

export function createProgram(): Command {
  const program = new Command('ratecache')
    .description(packageJson.description)
    .version(packageJson.version)
    .helpCommand(false)
    .configureHelp({
      optionDescription: described,
      argumentDescription: described,
      // Not with its arguments, which only those have that were defined.
      subcommandTerm: (command) => command.name(),
    })
    .exitOverride()
    .hook('preSubcommand', (_, command) => (command instanceof LazyCommand ? command.define() : undefined));
  for (const subcommand of SUBCOMMANDS) {
    const command = new LazyCommand(subcommand).copyInheritedSettings(program);
    program.addCommand(command, { hidden: subcommand.group === undefined });
  }
  return program;
}

/** With choices and default in the manner of the variables: `(one of a, b; default a)`. */
function described({
  description,
  argChoices,
  defaultValue,
  defaultValueDescription,
}: Option | Argument): string {
  const initial = defaultValueDescription ?? defaultValue;
  const facts = [
    argChoices && `one of ${argChoices.join(', ')}`,
    initial !== undefined && `default ${initial}`,
  ].filter(Boolean);
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}
