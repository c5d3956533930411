import type { Command } from 'commander';
import type { LoadOptions } from '../../../loadtest/run.ts';
import type { RunningFlags } from '../running-flags.ts';
import type { Subcommand } from '../subcommand.ts';

interface Options extends Omit<LoadOptions, 'running'>, RunningFlags {
  readonly record?: string;
  readonly schema?: true;
  readonly prefix: string;
}

const OF_RECORD: readonly string[] = ['--record', '--seconds', '--rate', '--prefix'];

export const load: Subcommand = {
  name: 'load',
  summary: 'send load to a new or a running service, and check the results against gates',
  group: 'Load:',
  exits: {
    0: 'every gate passed, perhaps with warnings',
    1: 'a gate failed, or --compare found a regression',
    2: 'the harness failed, for example without redis-server',
  },
  async define(command) {
    const { Argument, InvalidArgumentError, Option } = await import('commander');
    const { isProfileFile, PROFILES } = await import('../../../loadtest/profiles/index.ts');
    const { numeric, whole } = await import('../flags.ts');
    const { addRunning, refuseIdleRunning, runningOptions } = await import('../running-flags.ts');
    const { DEFAULT_OUT, runHarness } = await import('../harness.ts');
    const known = [...PROFILES.map(({ name }) => name), 'all'];
    const profiles = new Argument(
      '[profiles...]',
      'profiles to run: names, or files of docs/load.md that end in .json or .toml; without any, the names are listed',
    )
      .choices(known)
      .argParser((name: string, before: string[] | undefined) => {
        if (!known.includes(name) && !isProfileFile(name))
          throw new InvalidArgumentError(
            `Allowed choices are ${known.join(', ')}, and files that end in .json or .toml.`,
          );
        return [...(before ?? []), name];
      });
    command.addArgument(profiles);
    addRunning(command, 'send the load to this running service: only reads, and only keys that it has');
    command
      .option('--seconds <n>', 'seconds that each profile is measured; default of the profile', numeric(0.1))
      .option(
        '--rate <n>',
        'requests/s, for open-loop profiles; default of the profile; with --record: mean of the profile to print, default that of the log',
        numeric(1),
      )
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
      .option(
        '--record <log>',
        'print a profile file made from this log; for the formats of a log see replay',
      )
      .option(
        '--prefix <text>',
        'with --record: prefix to remove from keys of a MONITOR capture',
        'borrow_rate_engine:',
      )
      .option('--schema', 'print the JSON Schema of profile files')
      .action(async (names: string[], options: Options, self: Command) => {
        const { idleFault, refuseIdle } = await import('../idle-flags.ts');
        if (options.schema) {
          const why = 'with --schema, which runs no profile';
          if (names.length > 0) throw idleFault(names[0]!, why);
          const others = self.options.map(({ long }) => long!).filter((flag) => flag !== '--schema');
          refuseIdle(self, why, others);
          const { asset } = await import('../../../loadtest/report/assets.ts');
          process.stdout.write(asset('load-profile.schema.json'));
          return;
        }
        const { chosenProfiles } = await import('../../../loadtest/choice.ts');
        const { load } = await import('../../../loadtest/run.ts');
        const { record } = await import('../../../loadtest/replay/record-file.ts');
        if (options.record !== undefined) {
          if (names.length > 0) throw idleFault(names[0]!, 'with --record, which runs no profile');
          const others = self.options.map(({ long }) => long!).filter((flag) => !OF_RECORD.includes(flag));
          refuseIdle(self, 'with --record, which runs no profile', others);
          return runHarness(() => record(options.record!, options));
        }
        refuseIdle(self, 'without --record', ['--prefix']);
        if (names.length === 0) refuseIdle(self, 'without a profile: the command only lists profiles');
        refuseIdleRunning(self, options);
        await runHarness(async () => {
          const chosen = await chosenProfiles(names);
          if (chosen.every(({ load }) => load.ratePerSecond === null))
            refuseIdle(self, 'with these profiles: their load is closed-loop', ['--rate']);
          if (chosen.some(({ load }) => load.stages !== undefined))
            refuseIdle(self, 'with a profile whose rate changes over time', ['--rate', '--seconds']);
          return load(names, { ...options, ...runningOptions(options) });
        });
      });
  },
};
