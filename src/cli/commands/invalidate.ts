import type { InvalidateOptions } from '../invalidate.ts';
import type { Subcommand } from '../subcommand.ts';

const TIMEOUT_MS = 30_000;

export const invalidate: Subcommand = {
  name: 'invalidate',
  summary: 'delete keys from Redis and from every local cache',
  group: 'Operation:',
  exits: {
    0: 'done; or pending, while Redis is unreachable',
    1: 'the service answered with an error',
    2: 'the service is unreachable',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { addService } = await import('../flags.ts');
    const { TYPES } = await import('../../key.ts');
    const type = new Option('--type <type>', 'all keys of this type; repeatable').choices(TYPES);
    const one = type.parseArg!;
    type.argParser((text, before: string[] = []) => [...before, one(text, '')]);
    addService(command, TIMEOUT_MS)
      .argument('[keys...]', 'keys, such as borrow_rate:AAPL')
      .addOption(type)
      .option('--pattern <glob>', "all keys that match, without KEY_PREFIX; '*' matches every key")
      .option('--json', 'print the answer of the service as JSON')
      .action(async (keys: string[], options: InvalidateOptions) => {
        const { invalidate } = await import('../invalidate.ts');
        process.exitCode = await invalidate(keys, options);
      });
  },
};
