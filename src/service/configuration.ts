import type { ConfigurationBody, RunningVariable } from '../config/compare.ts';
import type { VariableName } from '../config/config.ts';
import type { VariableReports } from '../config/report.ts';

/**
 * Returns the body of `GET /v1/configuration`.
 * @param version of this program
 * @param applies whether SIGHUP applies a new value of the variable
 */
export function configurationBody(
  version: string,
  variables: VariableReports,
  applies: (name: VariableName) => boolean,
): ConfigurationBody {
  const rows = Object.entries(variables).map(([name, report]): [string, RunningVariable] => [
    name,
    { ...report, sighup: applies(name as VariableName) },
  ]);
  return { version, variables: Object.fromEntries(rows) };
}
