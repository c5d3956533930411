import type { Subcommand } from '../subcommand.ts';
import type { WatchOptions } from '../watch.ts';

const TIMEOUT_MS = 5_000;

export const watch: Subcommand = {
  name: 'watch',
  summary: 'print every change of keys as it happens',
  group: 'Keys:',
  exits: {
    0: 'ended after --count changes, or because the reader of the output is gone',
    1: 'the service answered with an error',
    2: 'no connection: the service is unreachable, or rejected the token',
  },
  async define(command) {
    const { addOutput, addService, whole } = await import('../flags.ts');
    addOutput(addService(command, TIMEOUT_MS), 'one object a line')
      .argument('<pattern>', "keys that match this glob, such as 'borrow_rate:*'")
      .option('--count <n>', 'end after this many changes', whole(1))
      .action(async (pattern: string, options: WatchOptions) => {
        const { watch } = await import('../watch.ts');
        await watch(pattern, options);
      });
  },
};
