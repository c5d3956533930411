import type { CheckOptions } from '../check.ts';
import type { Subcommand } from '../subcommand.ts';

export const check: Subcommand = {
  name: 'check',
  summary: 'ask a running service how it is, for probes and people',
  group: 'Operation:',
  exits: {
    0: 'healthy, and degraded too without --fail-degraded; with --ready ready, with --live alive',
    1: 'degraded, with --fail-degraded: it serves, with less than it promises; the line says why',
    2: 'down: no answer in time, an error, unhealthy, not ready, or something else answered',
  },
  async define(command) {
    const { Option } = await import('commander');
    const { addService } = await import('../flags.ts');
    const { TIMEOUT_MS } = await import('../check.ts');
    addService(command, TIMEOUT_MS)
      .option('--fail-degraded', 'let degraded be a failure')
      .addOption(
        new Option('--ready', 'ask /readyz: may it be sent work?').conflicts(['live', 'failDegraded']),
      )
      .addOption(new Option('--live', 'ask /livez: does the process answer?').conflicts('failDegraded'))
      .option('--json', 'print what the service answered')
      .action(async (options: CheckOptions) => {
        const { check } = await import('../check.ts');
        process.exitCode = await check(options);
      });
  },
};
