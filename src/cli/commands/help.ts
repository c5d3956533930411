import type { Subcommand } from '../subcommand.ts';

/** commander's own would not wait until the command has its flags. */
export const help: Subcommand = {
  name: 'help',
  summary: 'show the help of a command',
  group: 'About:',
  define(command) {
    command.argument('[command]', 'which; none shows them all').action(async (name?: string) => {
      const program = command.parent!;
      const known = program.commands.some((each) => each.name() === name);
      await program.parseAsync(name === undefined ? ['--help'] : known ? [name, '--help'] : [name], {
        from: 'user',
      });
    });
  },
};
