import type { Command } from 'commander';
import type { CapacityOptions } from '../../../loadtest/capacity/run.ts';
import type { Subcommand } from '../subcommand.ts';

/** Flags that only a measurement looks at. */
const OF_MEASURING = [
  '--mix',
  '--seconds',
  '--resolution',
  '--repeats',
  '--share',
  '--max-rate',
  '--seed',
  '--value-bytes',
  '--measured-entries',
];

export const capacity: Subcommand = {
  name: 'capacity',
  summary: 'find the highest rate at which one instance holds every gate, and plan with it',
  group: 'Load:',
  exits: { 0: 'measured and planned', 2: 'the harness itself failed' },
  async define(command) {
    const { Argument } = await import('commander');
    const { SCENARIOS } = await import('../../../loadtest/capacity/scenarios.ts');
    const { numeric, whole } = await import('../flags.ts');
    const { DEFAULT_OUT, runHarness } = await import('../harness.ts');
    command
      .addArgument(
        new Argument('[scenarios...]', 'which to measure; by default all').choices(
          SCENARIOS.map(({ name }) => name),
        ),
      )
      .option('--mix <file>', 'a mix of requests as JSON, beside the scenarios')
      .option('--seconds <n>', 'measured seconds of one step', numeric(1, 600), 10)
      .option('--resolution <share>', 'how near to the knee', numeric(0.001, 1), 0.05)
      .option('--repeats <n>', 'searches of which the median is taken', whole(1, 50), 3)
      .option(
        '--share <share>',
        'hold the service to this share of its core; by default only where the generator is the limit: then 0.5, then 0.25',
        numeric(0.05, 1),
      )
      .option('--max-rate <n>', 'requests/s at most', numeric(1), 500_000)
      .option('--seed <n>', 'of the data and the requests', whole(0), 1)
      .option('--rate <n>', 'planned for: requests/s of all replicas', numeric(1), 50_000)
      .option('--headroom <share>', 'planned for: of the rate, left free', numeric(0, 0.99), 0.3)
      .option('--spare <n>', 'planned for: replicas that may be missing', whole(0), 1)
      .option('--entries <n>', 'planned for: entries of L1', whole(1), 100_000)
      .option('--value-bytes <n>', 'planned for: size of a value', whole(30), 250)
      .option(
        '--measured-entries <n>',
        'entries with which memory is measured',
        whole(1_000, 5_000_000),
        100_000,
      )
      .option('--cpu <cores>', 'limit of a replica, in cores', numeric(0.1), 2)
      .option('--memory <gib>', 'limit of a replica, in GiB', numeric(0.1), 8)
      .option('--processes <n>', 'processes of a replica', whole(1), 1)
      .option('--redis-max-connections <n>', 'shared by all replicas', whole(1), 100)
      .option('--from <file>', 'plan with an earlier capacity.json and measure nothing')
      .option('--out <dir>', 'where capacity.json and capacity.html go', DEFAULT_OUT)
      .option('--record', 'write the example of docs/capacity.md; from the sources only')
      .action(async (names: string[], options: CapacityOptions, self: Command) => {
        const { idleFault, refuseIdle } = await import('../idle-flags.ts');
        if (options.from !== undefined) {
          refuseIdle(self, 'with --from: nothing is measured', OF_MEASURING);
          if (names.length > 0) throw idleFault(names[0]!, 'with --from: nothing is measured');
        }
        const { planCapacity } = await import('../../../loadtest/capacity/run.ts');
        await runHarness(async () => {
          await planCapacity(names, options);
          return true;
        });
      });
  },
};
