import type { Subcommand } from '../subcommand.ts';

export const licenses: Subcommand = {
  name: 'licenses',
  summary: 'show the licenses of all software in the single binary',
  group: 'About:',
  exits: { 0: 'shown', 1: 'the program runs from the sources, not as the single binary' },
  define(command) {
    command.action(async () => {
      const { showLicenses } = await import('../licenses.ts');
      showLicenses();
    });
  },
};
