import type { Command } from 'commander';
import type { LoadOptions } from '../../../loadtest/run.ts';
import type { Subcommand } from '../subcommand.ts';

export const load: Subcommand = {
  name: 'load',
  summary: 'start a service, load it with traffic profiles, and check the results against gates',
  group: 'Load:',
  exits: {
    0: 'every gate passed, perhaps with warnings',
    1: 'a gate failed, or --compare found a regression',
    2: 'the harness failed, for example without redis-server',
  },
  async define(command) {
    const { Argument, Option } = await import('commander');
    const { PROFILES } = await import('../../../loadtest/profiles/index.ts');
    const { numeric, whole } = await import('../flags.ts');
    const { DEFAULT_OUT, runHarness } = await import('../harness.ts');
    const profiles = new Argument('[profiles...]', 'profiles to run; without any, they are listed').choices([
      ...PROFILES.map(({ name }) => name),
      'all',
    ]);
    command
      .addArgument(profiles)
      .option('--seconds <n>', 'seconds that each profile is measured; default of the profile', numeric(0.1))
      .option('--rate <n>', 'requests/s, for open-loop profiles; default of the profile', numeric(1))
      .option('--connections <n>', 'number of connections; default of the profile', whole(1))
      .option('--seed <n>', 'seed of the data and of the order of requests', whole(1), 1)
      .addOption(
        new Option(
          '--retries <n>',
          'repeat a failed run this often if the generator was the limit or other programs used its cores',
        )
          .argParser(whole(0))
          .default(0),
      )
      .option('--json <file>', 'also write all results to this file')
      .option('--out <dir>', 'directory for results and reports', DEFAULT_OUT)
      .option('--compare <file>', 'report regressions compared with the results in this file')
      .action(async (names: string[], options: LoadOptions, self: Command) => {
        const { refuseIdle } = await import('../idle-flags.ts');
        if (names.length === 0) refuseIdle(self, 'without a profile: the command only lists profiles');
        const chosen = PROFILES.filter(({ name }) => names.includes(name) || names.includes('all'));
        if (chosen.every(({ load }) => load.ratePerSecond === null))
          refuseIdle(self, 'with these profiles: their load is closed-loop', ['--rate']);
        const { load } = await import('../../../loadtest/run.ts');
        await runHarness(() => load(names, options));
      });
  },
};
