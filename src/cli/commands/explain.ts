import type { ExplainOptions } from '../explain.ts';
import type { Subcommand } from '../subcommand.ts';
import { CALL_EXITS, KEY_TIMEOUT_MS } from './key-commands.ts';

export const explain: Subcommand = {
  name: 'explain',
  summary: 'show a key in each tier of every replica, and why it is answered so',
  group: 'Keys:',
  exits: { 0: 'explained, whether or not the key has a value', ...CALL_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, KEY_TIMEOUT_MS), 'one object')
      .argument('<key>', 'the key, such as borrow_rate:AAPL')
      .action(async (key: string, options: ExplainOptions) => {
        const { explain } = await import('../explain.ts');
        await explain(key, options);
      });
  },
};
