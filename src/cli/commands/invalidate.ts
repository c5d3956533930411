import type { InvalidateOptions } from '../invalidate.ts';
import type { Subcommand } from '../subcommand.ts';

const TIMEOUT_MS = 30_000;

export const invalidate: Subcommand = {
  name: 'invalidate',
  summary: 'delete keys from Redis and from every local cache',
  group: 'Operation:',
  exits: {
    0: 'done; or, while Redis is away, done here and kept for it',
    1: 'the service answered with an error',
    2: 'the service could not be reached',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { addService } = await import('../flags.ts');
    const { TYPES } = await import('../../key.ts');
    const type = new Option('--type <type>', 'all keys of a type; may be given several times').choices(TYPES);
    const one = type.parseArg!;
    type.argParser((text, before: string[] = []) => [...before, one(text, '')]);
    addService(command, TIMEOUT_MS)
      .argument('[keys...]', 'keys, such as borrow_rate:AAPL')
      .addOption(type)
      .option('--pattern <glob>', "all keys that fit, without KEY_PREFIX; '*' is every key")
      .option('--json', 'print what the service answered')
      .action(async (keys: string[], options: InvalidateOptions) => {
        const { invalidate } = await import('../invalidate.ts');
        process.exitCode = await invalidate(keys, options);
      });
  },
};
