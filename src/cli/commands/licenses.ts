import type { Subcommand } from '../subcommand.ts';

export const licenses: Subcommand = {
  name: 'licenses',
  summary: 'show the licenses of all that this program is made of',
  group: 'About:',
  exits: { 0: 'shown', 1: 'this runs from the sources, and is not the single binary' },
  define(command) {
    command.action(async () => {
      const { showLicenses } = await import('../licenses.ts');
      showLicenses();
    });
  },
};
