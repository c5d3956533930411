import type { MgetOptions } from '../mget.ts';
import type { Subcommand } from '../subcommand.ts';
import { KEY_TIMEOUT_MS, READ_EXITS } from './key-commands.ts';

export const ttl: Subcommand = {
  name: 'ttl',
  summary: 'show in how many seconds the values of keys expire',
  group: 'Keys:',
  exits: { 0: 'every key has a value', ...READ_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, KEY_TIMEOUT_MS), 'one object a line')
      .argument('[keys...]', 'the keys; without any, the lines of standard input')
      .action(async (keys: string[], options: MgetOptions) => {
        const { ttl } = await import('../mget.ts');
        process.exitCode = await ttl(keys, options);
      });
  },
};
