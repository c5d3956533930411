import type { Command } from 'commander';
import type { ReplayFileOptions } from '../../../loadtest/replay/run.ts';
import type { RunningFlags } from '../running-flags.ts';
import type { Subcommand } from '../subcommand.ts';

export const replay: Subcommand = {
  name: 'replay',
  summary: 'replay the requests of a log with their keys, order and timing',
  group: 'Load:',
  exits: { 0: 'every gate passed, perhaps with warnings', 1: 'a gate failed', 2: 'the harness failed' },
  async define(command) {
    const { FASTEST } = await import('../../../loadtest/replay/timeline.ts');
    const { numeric, whole } = await import('../flags.ts');
    const { DEFAULT_OUT, runHarness } = await import('../harness.ts');
    const { addRunning, refuseIdleRunning, runningOptions } = await import('../running-flags.ts');
    addRunning(command, 'replay only the reads, against this running service and its data');
    command
      .argument(
        '<file>',
        'access log (NDJSON: time, op, key or keys, size), or output of `redis-cli MONITOR`',
      )
      .option('--speed <n>', `speed factor from 1 (as logged) to ${FASTEST}`, numeric(1, FASTEST), 1)
      .option('--connections <n>', 'maximum number of open requests', whole(1, 10_000), 64)
      .option('--seconds <n>', 'replay only the first n seconds of the log', numeric(0.1, 86_400), 600)
      .option('--prefix <text>', 'prefix to remove from the keys of a MONITOR capture', 'borrow_rate_engine:')
      .option('--out <dir>', 'directory for results and reports', `${DEFAULT_OUT}/replay`)
      .action(
        async (file: string, options: Omit<ReplayFileOptions, 'running'> & RunningFlags, self: Command) => {
          refuseIdleRunning(self, options);
          const { replayFile } = await import('../../../loadtest/replay/run.ts');
          await runHarness(() => replayFile(file, { ...options, ...runningOptions(options) }));
        },
      );
  },
};
