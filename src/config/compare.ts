/** What would change in a running service if it had another configuration. */
import type { VariableReport, VariableReports } from './report.ts';
import type { VariableName } from './variables.ts';

/** A variable of a running service. */
export interface RunningVariable extends VariableReport {
  /** Whether SIGHUP applies a new value of ENV_FILE. */
  readonly sighup: boolean;
}

/** The body of `GET /v1/configuration`. */
export interface ConfigurationBody {
  /** The version of ratecache. */
  readonly version: string;
  /** Only with PROCESSES. `behind`: those that still have the configuration before; it differs from `variables`. */
  readonly processes?: { readonly count: number; readonly behind: number };
  readonly variables: Readonly<Partial<Record<VariableName, RunningVariable>>>;
}

export interface Change {
  readonly variable: string;
  /** Null if the variable is unset or has no meaning there. */
  readonly present: VariableReport['value'];
  readonly next: VariableReport['value'];
  readonly applied_by: 'SIGHUP' | 'restart';
  /** Why SIGHUP does not apply it. */
  readonly reason?: string;
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** Secrets that both have. */
  readonly not_compared: readonly string[];
}

const FIXED = 'SIGHUP does not apply this variable';
const UNKNOWN = 'the running service does not know this variable';
const DEFAULTS = 'the two versions have different defaults';
const NOT_IN_FILE = 'SIGHUP reads only ENV_FILE, not the environment and the flags';
const REFUSED = 'SIGHUP changes nothing while a variable changes that needs a restart';

/** @param next the configuration that would replace that of the running service */
export function compareConfigurations(
  { variables, processes }: ConfigurationBody,
  next: VariableReports,
): Comparison {
  const names = [...new Set([...Object.keys(variables), ...Object.keys(next)])] as VariableName[];
  const sameFile = variables.ENV_FILE?.value === next.ENV_FILE?.value;
  const fromFile = (name: VariableName) =>
    sameFile && variables[name]?.from !== 'environment' && next[name]?.from !== 'environment';
  const reasonOf = (name: VariableName): string | undefined => {
    const running = variables[name];
    if (running === undefined) return UNKNOWN;
    if (running.from === 'default' && next[name]?.from === 'default') return DEFAULTS;
    if (!fromFile(name)) return NOT_IN_FILE;
    return running.sighup ? undefined : FIXED;
  };
  const changed = names
    .filter((name) => differ(variables[name], next[name]))
    .map((name) => changeOf(name, variables[name], next[name], reasonOf(name)));
  // A supervisor rejects the whole file.
  const refused = processes !== undefined && changed.some(({ reason }) => reason === FIXED);
  return {
    changes: refused
      ? changed.map((each) => ({ ...each, applied_by: 'restart', reason: each.reason ?? REFUSED }))
      : changed,
    not_compared: names.filter((name) => isHidden(variables[name]) && isHidden(next[name])),
  };
}

function changeOf(
  variable: VariableName,
  present: VariableReport | undefined,
  next: VariableReport | undefined,
  reason: string | undefined,
): Change {
  return {
    variable,
    present: shownBy(present),
    next: shownBy(next),
    applied_by: reason === undefined ? 'SIGHUP' : 'restart',
    ...(reason !== undefined && { reason }),
  };
}

/** A default that only one of them has does not count as a change. */
function differ(present: VariableReport | undefined, next: VariableReport | undefined): boolean {
  if (present === undefined || next === undefined) return (present ?? next)?.from !== 'default';
  return present.value !== next.value;
}

function shownBy(report: VariableReport | undefined): VariableReport['value'] {
  return report?.value ?? null;
}

/** An empty secret is known: it means "no password". */
function isHidden(report: VariableReport | undefined): boolean {
  return report?.secret === true && Boolean(report.value);
}
