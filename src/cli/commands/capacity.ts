import type { Command } from 'commander';
import type { CapacityOptions } from '../../../loadtest/capacity/run.ts';
import type { Subcommand } from '../subcommand.ts';

/** Flags that have an effect only if something is measured. */
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
  summary: 'measure the highest rate at which one instance passes every gate, and plan replicas with it',
  group: 'Load:',
  exits: { 0: 'measured and planned', 2: 'the harness failed' },
  async define(command) {
    const { Argument } = await import('commander');
    const { SCENARIOS } = await import('../../../loadtest/capacity/scenarios.ts');
    const { numeric, whole } = await import('../flags.ts');
    const { DEFAULT_OUT, runHarness } = await import('../harness.ts');
    command
      .addArgument(
        new Argument('[scenarios...]', 'scenarios to measure; all by default').choices(
          SCENARIOS.map(({ name }) => name),
        ),
      )
      .option('--mix <file>', 'JSON file with a request mix, measured in addition to the scenarios')
      .option('--seconds <n>', 'seconds that each step is measured', numeric(1, 600), 10)
      .option('--resolution <share>', 'relative precision of the highest rate', numeric(0.001, 1), 0.05)
      .option('--repeats <n>', 'number of searches; the result is their median', whole(1, 50), 3)
      .option(
        '--share <share>',
        'limit the service to this share of a core; by default only if the generator is the limit: then 0.5, then 0.25',
        numeric(0.05, 1),
      )
      .option('--max-rate <n>', 'highest rate to try, in requests/s', numeric(1), 500_000)
      .option('--seed <n>', 'seed of the data and the requests', whole(0), 1)
      .option('--rate <n>', 'plan: requests/s of all replicas', numeric(1), 50_000)
      .option('--headroom <share>', 'plan: share of the capacity to leave unused', numeric(0, 0.99), 0.3)
      .option('--spare <n>', 'plan: replicas that may fail at the same time', whole(0), 1)
      .option('--entries <n>', 'plan: entries in L1', whole(1), 100_000)
      .option('--value-bytes <n>', 'plan: size of a value', whole(30), 250)
      .option(
        '--measured-entries <n>',
        'entries for the measurement of memory',
        whole(1_000, 5_000_000),
        100_000,
      )
      .option('--cpu <cores>', 'plan: CPU limit of a replica, in cores', numeric(0.1), 2)
      .option('--memory <gib>', 'plan: memory limit of a replica, in GiB', numeric(0.1), 8)
      .option('--processes <n>', 'plan: processes per replica', whole(1), 1)
      .option('--redis-max-connections <n>', 'plan: connections to Redis of all replicas', whole(1), 100)
      .option('--from <file>', 'plan with an earlier capacity.json, without a measurement')
      .option('--out <dir>', 'directory for capacity.json and capacity.html', DEFAULT_OUT)
      .option('--record', 'update the example in docs/capacity.md; works from the sources only')
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
