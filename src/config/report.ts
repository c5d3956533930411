/** The variables of a service as data, for `GET /v1/configuration` and `serve --check`. No secret is in it. */
import { Secret } from './kinds.ts';
import { parseVariables } from './parse.ts';
import type { Settings } from './settings.ts';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts';

export interface VariableReport {
  /** In the unit of the variable; null for a variable that is unset. A secret is `***`, or '' if it is empty. */
  readonly value: string | number | boolean | null;
  /** `environment`: of the process, or a flag of its command line. `file`: ENV_FILE. */
  readonly from: 'environment' | 'file' | 'default';
  /** Only for a secret: two values cannot be compared. */
  readonly secret?: true;
}

/** Without REDIS_* in standalone mode, which ignores them. */
export type VariableReports = Readonly<Partial<Record<VariableName, VariableReport>>>;

export function reportVariables(settings: Settings): VariableReports {
  const { values } = parseVariables(settings.env, settings.config.standalone);
  const names = VARIABLE_NAMES.filter((name) => name in values);
  return Object.fromEntries(
    names.map((name): [VariableName, VariableReport] => {
      const value = values[name];
      return [
        name,
        {
          value: value instanceof Secret ? value.toString() : (value ?? null),
          from: fromOf(name, settings),
          ...(VARIABLES[name].secret && { secret: true }),
        },
      ];
    }),
  );
}

function fromOf(name: VariableName, { given, env }: Settings): VariableReport['from'] {
  // An empty variable of the environment also overrides the file.
  if (given[name] !== undefined) return 'environment';
  return env[name] === undefined ? 'default' : 'file';
}
