import type { MgetOptions } from '../mget.ts';
import type { Subcommand } from '../subcommand.ts';
import { KEY_TIMEOUT_MS, READ_EXITS } from './key-commands.ts';

/** A subcommand that reads many keys, from its arguments or from standard input. */
export function keyListCommand(name: 'mget' | 'ttl', summary: string): Subcommand {
  return {
    name,
    summary,
    group: 'Keys:',
    exits: { 0: 'every key has a value', ...READ_EXITS },
    async define(command) {
      const { addOutput, addService } = await import('../flags.ts');
      addOutput(addService(command, KEY_TIMEOUT_MS), 'one object a line')
        .argument('[keys...]', 'the keys; without any, the lines of standard input')
        .action(async (keys: string[], options: MgetOptions) => {
          const run = (await import('../mget.ts'))[name];
          process.exitCode = await run(keys, options);
        });
    },
  };
}
