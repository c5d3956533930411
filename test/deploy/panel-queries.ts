import { readFileSync } from 'node:fs';

export type GrafanaPanel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly links?: readonly { readonly url: string }[];
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat?: string;
  }[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly thresholds: {
        readonly steps: readonly { readonly value: number | null; readonly color: string }[];
      };
    };
  };
};

export const DASHBOARD_FILE = new URL('../../deploy/grafana/cache-service.json', import.meta.url);
/** As it is checked in. */
export const PANELS: readonly GrafanaPanel[] = JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')).panels;

type Variables = { readonly namespace: string; readonly instance: string; readonly rateInterval: string };

/** Every query of every panel, as Grafana sends it with these values of its variables. */
export function panelQueries(variables: Variables): { panel: string; expr: string }[] {
  return PANELS.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expr: expr
        .replaceAll('$__rate_interval', variables.rateInterval)
        .replaceAll('$namespace', variables.namespace)
        .replaceAll('$instance', variables.instance),
    })),
  );
}
