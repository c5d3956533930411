import type { FlushOptions } from '../flush.ts';
import type { Subcommand } from '../subcommand.ts';
import { CALL_EXITS } from './key-commands.ts';

const TIMEOUT_MS = 120_000;

export const flush: Subcommand = {
  name: 'flush',
  summary: 'delete every key from Redis and from every L1, after a question',
  group: 'Operation:',
  exits: {
    0: 'deleted; or pending, while Redis is unreachable',
    ...CALL_EXITS,
    6: 'the answer to the question was not yes; nothing was deleted',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, TIMEOUT_MS), 'the answer of the service')
      .addOption(
        new Option('--tier <tier>', 'all: Redis and every L1; local: only L1 of the process that answers')
          .choices(['all', 'local'])
          .default('all'),
      )
      .option('--yes', 'do not ask')
      .action(async (options: FlushOptions) => {
        const { flush } = await import('../flush.ts');
        await flush(options);
      });
  },
};
