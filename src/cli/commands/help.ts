import { Argument } from 'commander';
import type { Subcommand } from '../subcommand.ts';

/** Replaces the help command of commander, which would not wait until the flags are loaded. */
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
    const which = new Argument('[command]', 'the command; without it, all commands are listed');
    // For completion only. The action passes an unknown command on, so that commander suggests a known one.
    which.argChoices = names;
    command.addArgument(which).action(async (name?: string) => {
      const args = name === undefined ? ['--help'] : names.includes(name) ? [name, '--help'] : [name];
      await program.parseAsync(args, { from: 'user' });
    });
  },
};
