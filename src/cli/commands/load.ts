import type { Command } from 'commander';
import type { LoadOptions } from '../../../loadtest/run.ts';
import type { Subcommand } from '../subcommand.ts';

export const load: Subcommand = {
  name: 'load',
  summary: 'load a service of its own with profiles of traffic, and judge the answers',
  group: 'Load:',
  exits: {
    0: 'every gate held, warnings included',
    1: 'a gate failed, or --compare found something worse',
    2: 'the harness itself failed: no redis-server, a service that does not start',
  },
  async define(command) {
    const { Argument, Option } = await import('commander');
    const { PROFILES } = await import('../../../loadtest/profiles/index.ts');
    const { numeric, whole } = await import('../flags.ts');
    const { DEFAULT_OUT, runHarness } = await import('../harness.ts');
    const profiles = new Argument('[profiles...]', 'which to run; none lists them').choices([
      ...PROFILES.map(({ name }) => name),
      'all',
    ]);
    command
      .addArgument(profiles)
      .option('--seconds <n>', 'how long each is measured; by default as the profile has it', numeric(0.1))
      .option('--rate <n>', 'requests a second, of open loads; by default as the profile has it', numeric(1))
      .option('--connections <n>', 'connections; by default as the profile has it', whole(1))
      .option('--seed <n>', 'of the data and of the order of requests', whole(1), 1)
      .addOption(
        new Option(
          '--retries <n>',
          'how often a failed run is repeated whose generator was the limit, or whose cores others used',
        )
          .argParser(whole(0))
          .default(0),
      )
      .option('--json <file>', 'write all results into this file too')
      .option('--out <dir>', 'where results and reports go', DEFAULT_OUT)
      .option('--compare <file>', 'show what got worse since these results')
      .action(async (names: string[], options: LoadOptions, self: Command) => {
        const { refuseIdle } = await import('../idle-flags.ts');
        if (names.length === 0) refuseIdle(self, 'without a profile: profiles are only listed');
        const chosen = PROFILES.filter(({ name }) => names.includes(name) || names.includes('all'));
        if (chosen.every(({ load }) => load.ratePerSecond === null))
          refuseIdle(self, 'with these profiles: their loads are closed', ['--rate']);
        const { load } = await import('../../../loadtest/run.ts');
        await runHarness(() => load(names, options));
      });
  },
};
