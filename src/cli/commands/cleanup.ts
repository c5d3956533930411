import type { CleanupOptions } from '../cleanup.ts';
import type { Subcommand } from '../subcommand.ts';
import { CALL_EXITS } from './key-commands.ts';

const TIMEOUT_MS = 30_000;

export const cleanup: Subcommand = {
  name: 'cleanup',
  summary: 'remove expired entries from L1 at once',
  group: 'Operation:',
  exits: { 0: 'done', ...CALL_EXITS },
  async define(command) {
    const { addOutput, addService } = await import('../flags.ts');
    addOutput(addService(command, TIMEOUT_MS), 'the answer of the service').action(
      async (options: CleanupOptions) => {
        const { cleanup } = await import('../cleanup.ts');
        await cleanup(options);
      },
    );
  },
};
