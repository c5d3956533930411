import type { Command } from 'commander';
import type { Subcommand } from '../subcommand.ts';
import type { WarmupOptions } from '../warmup.ts';

export const warmup: Subcommand = {
  name: 'warmup',
  summary: 'load a file of values into the cache',
  group: 'Operation:',
  exits: {
    0: 'every value is stored in Redis, or in L1 of a standalone service',
    1: 'a line could not be read, a value is pending or was not stored, or the service did not answer',
    78: 'with --direct: the configuration is invalid',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { ownUrl } = await import('../call-service.ts');
    const { tokenFileOption, urlOption } = await import('../flags.ts');
    const { addVariables, environmentWith } = await import('../options.ts');
    const { refuseIdleFlags, WARMUP_VARIABLES } = await import('../warmup-flags.ts');
    const { FORMATS } = await import('../../warmup/source.ts');
    addVariables(command, WARMUP_VARIABLES)
      .argument('<file>', 'the file, plain or compressed with gzip')
      .addOption(new Option('--format <format>', 'format of the file').choices(FORMATS).default('auto'))
      .addOption(urlOption('URL of the service that stores the values'))
      .addOption(tokenFileOption())
      .option('--direct', 'write directly into the configured Redis, without a service')
      .option('--json', 'print the summary as JSON')
      .option('--quiet', 'print no progress')
      .action(async (file: string, options: WarmupOptions & Record<string, unknown>, self: Command) => {
        const urlGiven = self.getOptionValueSource('url') !== 'default';
        refuseIdleFlags(options, urlGiven);
        const { warmup } = await import('../warmup.ts');
        const env = environmentWith(options);
        // --host and --port may have changed HOST and PORT of the environment.
        const url = urlGiven ? options.url : ownUrl(env);
        await warmup(file, { ...options, url }, env);
      });
  },
};
