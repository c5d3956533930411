import type { KeysOptions } from '../keys.ts';
import type { Subcommand } from '../subcommand.ts';
import { CALL_EXITS } from './key-commands.ts';

const TIMEOUT_MS = 30_000;

export const keys: Subcommand = {
  name: 'keys',
  summary: 'list keys with their type and TTL',
  group: 'Keys:',
  exits: { 0: 'listed', ...CALL_EXITS },
  async define(command) {
    const { Option } = await import('commander');
    const { addOutput, addService, whole } = await import('../flags.ts');
    const { TYPES } = await import('../../key.ts');
    addOutput(addService(command, TIMEOUT_MS), 'one object a line')
      .argument('[pattern]', "only keys that match this glob, such as 'borrow_rate:A*'")
      .addOption(new Option('--type <type>', 'only keys of this type').choices(TYPES))
      .option('--limit <n>', 'list at most this many keys', whole(1))
      .action(async (pattern: string | undefined, options: KeysOptions) => {
        const { idleFault } = await import('../idle-flags.ts');
        if (pattern !== undefined && options.type !== undefined)
          throw idleFault('--type', 'with a pattern, which names the type itself');
        const { listKeys } = await import('../keys.ts');
        await listKeys(pattern, options);
      });
  },
};
