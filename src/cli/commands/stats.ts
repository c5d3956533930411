import type { StatsOptions } from '../stats.ts';
import type { Subcommand } from '../subcommand.ts';

const TIMEOUT_MS = 5_000;
const EVERY_SECONDS = 2;

export const stats: Subcommand = {
  name: 'stats',
  summary: 'show the statistics of a running service',
  group: 'Operation:',
  exits: { 0: 'shown', 1: 'the service answered with an error', 2: 'the service is unreachable' },
  async define(command) {
    const { Option } = await import('commander');
    const { addService, numeric } = await import('../flags.ts');
    addService(command, TIMEOUT_MS, true)
      .addOption(
        new Option(
          '--watch [seconds]',
          `repeat every ${EVERY_SECONDS} seconds, or at this interval, with the counts and rates in between`,
        )
          .argParser(numeric(0.1, 86_400))
          .preset(String(EVERY_SECONDS)),
      )
      .option('--json', 'print the answer of /stats, one line each time')
      .action(async (options: StatsOptions) => {
        const { showStats } = await import('../stats.ts');
        await showStats(options);
      });
  },
};
