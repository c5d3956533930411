/** The command line as a whole: which subcommands there are, and how each comes to its flags. */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { SUBCOMMANDS } from './commands/index.ts';

export function createProgram(): Command {
  const program = new Command('ratecache')
    .description(packageJson.description)
    .version(packageJson.version)
    .helpCommand(false)
    .exitOverride();
  for (const { name, summary, group } of SUBCOMMANDS) {
    const command = program.command(name, { hidden: group === undefined }).description(summary);
    if (group !== undefined) command.helpGroup(group);
  }
  return program.hook('preSubcommand', (_, command) =>
    SUBCOMMANDS.find(({ name }) => name === command.name())?.define(command),
  );
}
