import type { Subcommand } from '../subcommand.ts';
import type { TopFlags } from '../top.ts';

const TIMEOUT_MS = 5_000;
const EVERY_SECONDS = 2;

export const top: Subcommand = {
  name: 'top',
  summary: 'show live rates, hit rates, latency and the hottest keys',
  group: 'Operation:',
  exits: {
    0: 'ended with q, or printed one screen because the output is not a terminal',
    1: 'the service answered with an error',
    2: 'the service is unreachable',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { addService, httpUrl, numeric } = await import('../flags.ts');
    addService(command, TIMEOUT_MS)
      .addOption(
        new Option('--ops-url <url>', 'URL of its OPS_PORT, if it has one')
          .argParser(httpUrl)
          .default(undefined, 'the URL of the service, or HOST and OPS_PORT of the environment'),
      )
      .addOption(
        new Option('--every <seconds>', 'the interval of the counts and rates')
          .argParser(numeric(0.1, 3600))
          .default(EVERY_SECONDS),
      )
      .action(async (flags: TopFlags) => {
        const { top } = await import('../top.ts');
        await top(flags, command.getOptionValueSource('url') === 'cli');
      });
  },
};
