/** What deploy/prometheus ships, as text and as what it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const PROMETHEUS_DIR = fileURLToPath(new URL('../../deploy/prometheus', import.meta.url));

export type Alert = {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string; readonly channels: string; readonly response_time: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
};

export type Recording = { readonly record: string; readonly expr: string };

export function read(file: string): string {
  return readFileSync(join(PROMETHEUS_DIR, file), 'utf8');
}

export const ALERTS: readonly Alert[] = rulesOf('alerts.yml');
export const RECORDINGS: readonly Recording[] = rulesOf('recording.yml');

function rulesOf<T>(file: string): T[] {
  const { groups } = parse(read(file)) as { groups: { rules: T[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** The metrics that an expression asks for, as the service names them: without what a histogram adds. */
export function metricsIn(expr: string): string[] {
  const names = [...expr.matchAll(/\b([a-z_]+)(?=\{)/g)].map(([, name]) => name!);
  return [...new Set(names.map((name) => name.replace(/(?<=_seconds)_(bucket|sum|count)$/, '')))];
}

/** The metrics in docs/api/probes.md: those of the table, and those that a supervisor adds. */
export function documentedMetrics(): string[] {
  const api = readFileSync(new URL('../../docs/api/probes.md', import.meta.url), 'utf8');
  const rows = api.matchAll(/^\| `([a-z_]+)` \| (?:counter|gauge|histogram) \|/gm);
  const ofSupervisor = api.matchAll(/`(ratecache_process\w+)` \(/g);
  return [...rows, ...ofSupervisor].map(([, name]) => name!);
}
