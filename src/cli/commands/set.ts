import type { SetOptions } from '../set.ts';
import type { Subcommand } from '../subcommand.ts';
import { CALL_EXITS, KEY_TIMEOUT_MS } from './key-commands.ts';

/** The longest TTL that the service accepts, in seconds. */
const LONGEST_TTL = 315_360_000;

export const set: Subcommand = {
  name: 'set',
  summary: 'write the value of a key',
  group: 'Keys:',
  exits: {
    0: 'written; or pending, while Redis is unreachable',
    ...CALL_EXITS,
    5: 'not written: the condition does not hold',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { addOutput, addService, numeric } = await import('../flags.ts');
    addOutput(addService(command, KEY_TIMEOUT_MS), 'one object')
      .argument('<key>', 'the key, such as borrow_rate:AAPL')
      .argument('[value]', 'the value as JSON; without it, or as -, standard input')
      .option(
        '--ttl <seconds>',
        'time to live in seconds; default of the type of the key',
        numeric(0.001, LONGEST_TTL),
      )
      .addOption(
        new Option('--if-version <version>', 'write only if the key has this version').conflicts([
          'ifAbsent',
          'ifExists',
        ]),
      )
      .addOption(new Option('--if-absent', 'write only if the key has no value').conflicts('ifExists'))
      .option('--if-exists', 'write only if the key has a value')
      .action(async (key: string, value: string | undefined, options: SetOptions) => {
        const { set } = await import('../set.ts');
        process.exitCode = await set(key, value, options);
      });
  },
};
