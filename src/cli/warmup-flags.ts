/** The variables that `ratecache warmup` accepts as flags, and when they have an effect. */
import type { Command } from 'commander';
import { flagOf, VARIABLE_NAMES, VARIABLES, type VariableName } from '../config/config.ts';
import type { Format } from '../warmup/source.ts';
import { idleFault, refuseIdle } from './idle-flags.ts';
import { givenVariables } from './options.ts';
import { SHEET_FLAGS } from './sheet-flags.ts';

/** Where the service listens. They have an effect without `--direct` and `--url`. */
const OF_SERVICE: readonly VariableName[] = ['HOST', 'PORT'];
/** How values are written into Redis. They have an effect with `--direct`. */
const OF_DIRECT: readonly VariableName[] = VARIABLE_NAMES.filter(
  (name) =>
    ['redis', 'store', 'ttl'].includes(VARIABLES[name].group) ||
    ['ENABLE_PUBSUB', 'PUBSUB_CHANNEL', 'MAX_KEY_BYTES', 'MAX_VALUE_BYTES'].includes(name),
);

export const WARMUP_VARIABLES: readonly VariableName[] = [...OF_SERVICE, ...OF_DIRECT];

/** @throws Failure for a flag without effect */
export function refuseIdleFlags(
  command: Command,
  flags: Readonly<Record<string, unknown>> & {
    readonly direct?: boolean;
    readonly tokenFile?: string;
    readonly format: Format;
  },
  urlGiven: boolean,
): void {
  const given = givenVariables(flags);
  const refuse = (idle: string | undefined, why: string): void => {
    if (idle !== undefined) throw idleFault(idle, why);
  };
  const flag = (names: readonly VariableName[]) => {
    const found = given.find((name) => names.includes(name));
    return found && flagOf(found);
  };
  if (flags.direct)
    refuse(
      (urlGiven ? '--url' : undefined) ??
        (flags.tokenFile === undefined ? undefined : '--token-file') ??
        flag(OF_SERVICE),
      'with --direct, which uses no service',
    );
  else refuse(flag(OF_DIRECT), 'without --direct: the running service uses its own setting');
  if (flags.format === 'ndjson') refuseIdle(command, 'with --format ndjson', SHEET_FLAGS);
  if (urlGiven) refuse(flag(OF_SERVICE), 'with --url, which already names host and port');
}
