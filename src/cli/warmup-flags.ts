/** The variables that `ratecache warmup` takes as flags in addition to its own, and when they have an effect. */
import { flagOf, VARIABLE_NAMES, VARIABLES, type VariableName } from '../config/config.ts';
import { idleFault } from './idle-flags.ts';
import { givenVariables } from './options.ts';

/** They say where the service listens. */
const OF_SERVICE: readonly VariableName[] = ['HOST', 'PORT'];
/** They say how values are written into Redis. */
const OF_DIRECT: readonly VariableName[] = VARIABLE_NAMES.filter(
  (name) =>
    ['redis', 'store', 'ttl'].includes(VARIABLES[name].group) ||
    ['ENABLE_PUBSUB', 'PUBSUB_CHANNEL', 'MAX_KEY_BYTES', 'MAX_VALUE_BYTES'].includes(name),
);

export const WARMUP_VARIABLES: readonly VariableName[] = [...OF_SERVICE, ...OF_DIRECT];

/** @throws Failure for a flag that would change nothing */
export function refuseIdleFlags(
  flags: Readonly<Record<string, unknown>> & { readonly direct?: boolean },
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
    refuse((urlGiven ? '--url' : undefined) ?? flag(OF_SERVICE), 'with --direct: no service is asked');
  else refuse(flag(OF_DIRECT), 'without --direct: the service decides. Leave it out, or add --direct');
  if (urlGiven) refuse(flag(OF_SERVICE), 'with --url: the URL says where the service is');
}
