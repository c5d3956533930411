import { Argument } from 'commander';
import type { Subcommand } from '../subcommand.ts';

/** commander's own would not wait until the command has its flags. */
export const help: Subcommand = {
  name: 'help',
  summary: 'show the help of a command',
  group: 'About:',
  exits: { 0: 'shown' },
  define(command) {
    const program = command.parent!;
    const names = program
      .createHelp()
      .visibleCommands(program)
      .map((each) => each.name());
    const which = new Argument('[command]', 'which; none shows them all');
    // For completion alone: an unknown one is refused with a suggestion, as it would be by itself.
    which.argChoices = names;
    command.addArgument(which).action(async (name?: string) => {
      const args = name === undefined ? ['--help'] : names.includes(name) ? [name, '--help'] : [name];
      await program.parseAsync(args, { from: 'user' });
    });
  },
};
