/** The command line as a whole: which subcommands there are, and how help is written. */
import { type Argument, Command, CommanderError, type Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { SUBCOMMANDS } from './commands/index.ts';
import { LazyCommand } from './lazy-command.ts';
import { versionText } from './version.ts';

export function createProgram(): Command {
  const program = new Command('ratecache')
    .description(packageJson.description)
    .option('-V, --version', 'show the versions of ratecache and of what it is made of')
    .on('option:version', showVersion)
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

/** As commander's own would do, whose text is made at every start. */
function showVersion(): void {
  process.stdout.write(`${versionText()}\n`);
  throw new CommanderError(0, 'commander.version', '');
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
