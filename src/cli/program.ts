/** The command line: the subcommands and the format of the help. */
import { type Argument, Command, CommanderError, type Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { SUBCOMMANDS } from './commands/index.ts';
import { LazyCommand } from './lazy-command.ts';
import { versionText } from './version.ts';

export function createProgram(): Command {
  const program = new Command('ratecache')
    .description(packageJson.description)
    .option('-V, --version', 'show the versions of ratecache, Node and uWebSockets.js')
    .on('option:version', showVersion)
    .helpCommand(false)
    .configureHelp({
      optionDescription: described,
      argumentDescription: described,
      // Without arguments: a subcommand has none before its flags are loaded.
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

/** Like the version option of commander, which would compute the text at every start. */
function showVersion(): void {
  process.stdout.write(`${versionText()}\n`);
  throw new CommanderError(0, 'commander.version', '');
}

/** Appends choices and default in the format of the variables: `(one of a, b; default a)`. */
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
