import type { GetOptions } from '../get.ts';
import type { Subcommand } from '../subcommand.ts';
import { KEY_TIMEOUT_MS, READ_EXITS } from './key-commands.ts';

export const get: Subcommand = {
  name: 'get',
  summary: 'read the value of a key, with its version, age and origin',
  group: 'Keys:',
  exits: { 0: 'the key has a value', ...READ_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, KEY_TIMEOUT_MS), 'one object')
      .argument('<key>', 'the key, such as borrow_rate:AAPL')
      .option('--raw', 'print only the value, as it was written')
      .action(async (key: string, options: GetOptions) => {
        const { idleFault } = await import('../idle-flags.ts');
        if (options.raw && options.json !== undefined)
          throw idleFault(options.json ? '--json' : '--no-json', 'with --raw');
        const { get } = await import('../get.ts');
        process.exitCode = await get(key, options);
      });
  },
};
