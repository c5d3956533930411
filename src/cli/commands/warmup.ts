import type { Command } from 'commander';
import type { Subcommand } from '../subcommand.ts';
import type { WarmupOptions } from '../warmup.ts';

export const warmup: Subcommand = {
  name: 'warmup',
  summary: 'load a file of values into the cache',
  group: 'Operation:',
  exits: {
    0: 'every value is stored in Redis, or in L1 of a standalone service, and --replace deleted the missing rows',
    1: 'a line could not be read, rows contradict one another, a value is pending or was not stored, the sheet is too old, or the service did not answer',
    78: 'with --direct: the configuration is invalid',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { ownUrl } = await import('../call-service.ts');
    const { numeric, tokenFileOption, urlOption } = await import('../flags.ts');
    const { MAX_TTL_SECONDS } = await import('../../cache/key-and-ttl.ts');
    const { addSheetFlags } = await import('../sheet-flags.ts');
    const { addVariables, environmentWith } = await import('../options.ts');
    const { refuseIdleFlags, WARMUP_VARIABLES } = await import('../warmup-flags.ts');
    const { FORMATS } = await import('../../warmup/source.ts');
    addVariables(addSheetFlags(command), WARMUP_VARIABLES)
      .argument('<file>', 'the file, plain or compressed with gzip')
      .addOption(new Option('--format <format>', 'format of the file').choices(FORMATS).default('auto'))
      .addOption(
        new Option(
          '--ttl <seconds>',
          'time to live of values without their own; default: the TTL of their type',
        ).argParser(numeric(0.001, MAX_TTL_SECONDS)),
      )
      .addOption(urlOption('URL of the service that stores the values'))
      .addOption(tokenFileOption())
      .option('--direct', 'write directly into the configured Redis, without a service')
      .option('--json', 'print the summary as JSON')
      .option('--quiet', 'print no progress')
      .action(async (file: string, options: WarmupOptions & Record<string, unknown>, self: Command) => {
        const urlGiven = self.getOptionValueSource('url') !== 'default';
        refuseIdleFlags(self, options, urlGiven);
        const { warmup } = await import('../warmup.ts');
        const env = environmentWith(options);
        // --host and --port may have changed HOST and PORT of the environment.
        const url = urlGiven ? options.url : ownUrl(env);
        await warmup(file, { ...options, url }, env);
      });
  },
};
