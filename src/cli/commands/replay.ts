import type { Command } from 'commander';
import type { ReplayFileOptions } from '../../../loadtest/replay/run.ts';
import type { Subcommand } from '../subcommand.ts';

export const replay: Subcommand = {
  name: 'replay',
  summary: 'send the requests of a log again, with their own keys, order and rhythm',
  group: 'Load:',
  exits: { 0: 'every gate held, warnings included', 1: 'a gate failed', 2: 'the harness itself failed' },
  async define(command) {
    const { FASTEST } = await import('../../../loadtest/replay/timeline.ts');
    const { numeric, whole } = await import('../flags.ts');
    const { DEFAULT_OUT, runHarness } = await import('../harness.ts');
    command
      .argument(
        '<file>',
        'an access log (NDJSON: time, op, key or keys, size) or what `redis-cli MONITOR` printed',
      )
      .option('--speed <n>', `1 as logged, up to ${FASTEST} times as fast`, numeric(1, FASTEST), 1)
      .option('--connections <n>', 'requests that may be under way', whole(1, 10_000), 64)
      .option('--seconds <n>', 'what is due later is left out', numeric(0.1, 86_400), 600)
      .option('--prefix <text>', 'taken off the keys of a MONITOR capture', 'borrow_rate_engine:')
      .option(
        '--url <url>',
        'send it to the service there, which has its data, instead of to one of its own; only what reads',
      )
      .option('--writes', 'with --url: send what writes and deletes too, with values of the right size only')
      .option('--out <dir>', 'where results and reports go', `${DEFAULT_OUT}/replay`)
      .action(async (file: string, options: ReplayFileOptions, self: Command) => {
        const { refuseIdle } = await import('../idle-flags.ts');
        if (options.url === undefined)
          refuseIdle(self, 'without --url: a service of its own gets writes too', ['--writes']);
        const { replayFile } = await import('../../../loadtest/replay/run.ts');
        await runHarness(() => replayFile(file, options));
      });
  },
};
