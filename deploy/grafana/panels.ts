/** The kinds of panel of the dashboard, made with Grafana's own builders. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  MappingType,
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { alertLink } from './runbook-link.ts';
import type { Threshold } from './thresholds.ts';
import { DATASOURCE } from './variables.ts';

export interface PanelSpec {
  readonly title: string;
  /** What the reader must know to understand the graph. */
  readonly description?: string;
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** The unit by Grafana's name. */
  readonly unit?: string;
  readonly threshold?: Threshold;
  /** The alert whose procedure the panel links to. */
  readonly alert?: string;
  /** In columns; a row has 24. */
  readonly width?: number;
}

/** A graph over time. */
export function graph(spec: PanelSpec & { readonly stacked?: boolean }): Builder<Panel> {
  const panel = new TimeSeries()
    .min(0)
    .fillOpacity(spec.stacked ? 30 : 0)
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (spec.threshold !== undefined)
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  if (spec.stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  return described(panel, spec, 8, 8);
}

/** One number, the latest value. */
export function stat(spec: PanelSpec): Builder<Panel> {
  const panel = new Stat()
    .colorMode(spec.threshold === undefined ? BigValueColorMode.None : BigValueColorMode.Background)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''));
  return described(panel, spec, 3, 4);
}

/** The state of each series over time, 0 or 1; `good` is the healthy one. */
export function states(
  spec: PanelSpec & { readonly good: 0 | 1; readonly names: [string, string] },
): Builder<Panel> {
  const [zero, one] = spec.names;
  const color = (value: number) => (value === spec.good ? 'green' : 'red');
  const panel = new StateTimeline().mappings([
    {
      type: MappingType.ValueToText,
      options: { 0: { text: zero, color: color(0), index: 0 }, 1: { text: one, color: color(1), index: 1 } },
    },
  ]);
  return described(panel, spec, 8, 8);
}

type AnyPanel = TimeSeries | Stat | StateTimeline;

function described<T extends AnyPanel>(panel: T, spec: PanelSpec, height: number, width: number): T {
  panel
    .title(spec.title)
    .datasource(DATASOURCE)
    .height(height)
    .span(spec.width ?? width);
  if (spec.description !== undefined) panel.description(spec.description);
  if (spec.unit !== undefined) panel.unit(spec.unit);
  if (spec.alert !== undefined) panel.links([alertLink(spec.alert)]);
  panel.thresholds(colours(spec.threshold));
  spec.queries.forEach(([expr, legend], i) => {
    panel.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + i))
        .expr(expr)
        .legendFormat(legend)
        .range(),
    );
  });
  return panel;
}

function colours(threshold: Threshold | undefined): ThresholdsConfigBuilder {
  const config = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute);
  if (threshold === undefined) return config.steps([{ value: null, color: 'green' }]);
  const { warning, critical } = threshold;
  return config.steps(
    warning < critical
      ? [
          { value: null, color: 'green' },
          { value: warning, color: 'orange' },
          { value: critical, color: 'red' },
        ]
      : [
          { value: null, color: 'red' },
          { value: critical, color: 'orange' },
          { value: warning, color: 'green' },
        ],
  );
}
