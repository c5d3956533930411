import type { MgetOptions } from '../mget.ts';
import type { Subcommand } from '../subcommand.ts';
import { KEY_TIMEOUT_MS, READ_EXITS } from './key-commands.ts';

export const mget: Subcommand = {
  name: 'mget',
  summary: 'read the values of several keys',
  group: 'Keys:',
  exits: { 0: 'every key has a value', ...READ_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, KEY_TIMEOUT_MS), 'one object a line')
      .argument('[keys...]', 'the keys; without any, the lines of standard input')
      .action(async (keys: string[], options: MgetOptions) => {
        const { mget } = await import('../mget.ts');
        process.exitCode = await mget(keys, options);
      });
  },
};
