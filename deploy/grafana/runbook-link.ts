/** Links from the dashboard to the runbook. */
import { readFileSync } from 'node:fs';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type DashboardLink,
  DashboardLinkBuilder,
  DashboardLinkType,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { parse } from 'yaml';
import { DOCS } from './variables.ts';

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly annotations: { readonly runbook_url: string };
    }[];
  }[];
}

const RULES: Rules = parse(readFileSync(new URL('../prometheus/alerts.yml', import.meta.url), 'utf8'));

/** A link to the procedure that the alert itself links to. */
export function alertLink(alert: string): Builder<DashboardLink> {
  const rule = RULES.groups.flatMap(({ rules }) => rules).find((each) => each.alert === alert);
  if (rule === undefined) throw new Error(`deploy/prometheus/alerts.yml has no alert ${alert}`);
  return runbookLink(alert, rule.annotations.runbook_url);
}

/** @param path of the document, from the root of the project */
export function runbookLink(title: string, path: string): Builder<DashboardLink> {
  const builder = new DashboardLinkBuilder(title)
    .type(DashboardLinkType.Link)
    .url(`${DOCS}/${path}`)
    .targetBlank(true);
  // With a placement, Grafana would hide the link in a menu.
  const { placement: _, ...link } = builder.build();
  return { build: () => link };
}
