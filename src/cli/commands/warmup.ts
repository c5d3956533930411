import type { Subcommand } from '../subcommand.ts';
import type { WarmupOptions } from '../warmup.ts';

export const warmup: Subcommand = {
  name: 'warmup',
  summary: 'load a file of values into the cache',
  group: 'Operation:',
  exits: {
    0: 'every value was stored',
    1: 'a line could not be read, a value not stored, or nobody reached',
    78: 'with --direct: the configuration is faulty',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { urlOption } = await import('../flags.ts');
    const { addVariables, environmentWith } = await import('../options.ts');
    const { FORMATS } = await import('../../warmup/source.ts');
    addVariables(command)
      .argument('<file>', 'the file, plain or gzipped')
      .addOption(new Option('--format <format>', 'what the file holds').choices(FORMATS).default('auto'))
      .addOption(urlOption('the service to load it through'))
      .option('--direct', 'write straight into the Redis of the configuration instead')
      .option('--json', 'print the summary as JSON')
      .option('--quiet', 'show no progress')
      .action(async (file: string, options: WarmupOptions & Record<string, unknown>) => {
        const { warmup } = await import('../warmup.ts');
        await warmup(file, options, environmentWith(options));
      });
  },
};
