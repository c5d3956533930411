/** The variables that `ratecache warmup` accepts as flags, and when they have an effect. */
import { flagOf, VARIABLE_NAMES, VARIABLES, type VariableName } from '../config/config.ts';
import { idleFault } from './idle-flags.ts';
import { givenVariables } from './options.ts';

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
  flags: Readonly<Record<string, unknown>> & { readonly direct?: boolean; readonly tokenFile?: string },
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
  if (urlGiven) refuse(flag(OF_SERVICE), 'with --url, which already names host and port');
}
