import type { DelOptions } from '../del.ts';
import type { Subcommand } from '../subcommand.ts';
import { CALL_EXITS, KEY_TIMEOUT_MS } from './key-commands.ts';

export const del: Subcommand = {
  name: 'del',
  summary: 'delete keys',
  group: 'Keys:',
  exits: { 0: 'no key has a value now; or deletions are pending, while Redis is unreachable', ...CALL_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, KEY_TIMEOUT_MS), 'one object a line')
      .argument('[keys...]', 'the keys; without any, the lines of standard input')
      .action(async (keys: string[], options: DelOptions) => {
        const { del } = await import('../del.ts');
        process.exitCode = await del(keys, options);
      });
  },
};
