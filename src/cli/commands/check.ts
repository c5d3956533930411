import type { CheckOptions } from '../check.ts';
import type { Subcommand } from '../subcommand.ts';

export const check: Subcommand = {
  name: 'check',
  summary: 'check the health of a running service, for probes and people',
  group: 'Operation:',
  exits: {
    0: 'healthy, or degraded without --fail-degraded; ready with --ready; alive with --live',
    1: 'degraded, with --fail-degraded; the output names the reasons',
    2: 'down: unreachable, no answer in time, an error, unhealthy, not ready, or not ratecache',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { addService } = await import('../flags.ts');
    const { TIMEOUT_MS } = await import('../check.ts');
    addService(command, TIMEOUT_MS, true)
      .option('--fail-degraded', 'exit with 1 if the service is degraded')
      .addOption(
        new Option('--ready', 'request /readyz: is the service ready for requests?').conflicts([
          'live',
          'failDegraded',
        ]),
      )
      .addOption(new Option('--live', 'request /livez: does the process answer?').conflicts('failDegraded'))
      .option('--json', 'print the answer of the service as JSON')
      .action(async (options: CheckOptions) => {
        const { check } = await import('../check.ts');
        process.exitCode = await check(options);
      });
  },
};
