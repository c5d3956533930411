/** Plots of the last 15 minutes by uPlot, in the colours of the page, each with its latest figures as text. */
import type uPlotLibrary from 'uplot';
import { element, setText } from './dom.ts';
import { duration, estimate, NONE, timeOfDay } from './format.ts';
import { isolated } from './model.ts';

declare const uPlot: typeof uPlotLibrary;

export interface Line {
  readonly label: string;
  readonly colour: string;
}

export interface Limit {
  readonly value: number;
  readonly label: string;
  readonly level: 'warn' | 'fail';
}

export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** Whether the figures are milliseconds that are estimated from the buckets of a histogram. */
  readonly estimated?: boolean;
  readonly log?: boolean;
  /** Ticks are multiples of this: 1 for whole numbers. */
  readonly unit?: number;
  /** The range of the axis; from 0 to the highest value by default. */
  readonly range?: readonly [number, number];
  /** Limits are always drawn. */
  readonly limits?: readonly Limit[];
}

/** The service's limits of latency, as in the reports of the load tests. */
export const LATENCY_LIMITS: readonly Limit[] = [
  { value: 50, label: 'warning, 50 ms', level: 'warn' },
  { value: 100, label: 'critical, 100 ms', level: 'fail' },
];

const HEIGHT_PX = 190;
const FONT = '12px system-ui, sans-serif';
const SPAN_SECONDS = 900;
const AXIS_PX = 62;
/** Steps between ticks on an axis with a unit, in units. */
const STEPS = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1000, 10_000, 100_000].map((power) => step * power))
  .sort((a, b) => a - b);

/** The colour of this name in the present theme. */
export function colour(name: string): string {
  const probe = document.documentElement.appendChild(element('span', { class: 'hidden' }));
  probe.style.color = `var(--${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export type Values = readonly (number | null)[];

export class Chart {
  readonly box: HTMLElement;
  readonly #options: ChartOptions;
  readonly #place = element('div', { class: 'canvas', 'aria-hidden': 'true' });
  readonly #figures: HTMLElement[];
  readonly #when = element('span', { class: 'when' }, 'latest');
  readonly #summary = element('span', { class: 'hidden' });
  #plot: uPlotLibrary | undefined;
  #xs: readonly number[] = [];
  #series: readonly Values[] = [];
  #now = Date.now() / 1000;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#figures = options.lines.map(() => element('b', {}, NONE));
    const items = options.lines.map(({ label, colour: name }, i) =>
      element('span', {}, element('i', { class: `swatch ${name}` }), `${label} `, this.#figures[i]!),
    );
    const limits = (options.limits ?? []).map(({ label, level }) =>
      element('span', {}, element('i', { class: `swatch dashed ${level}` }), label),
    );
    const legend = element('p', { class: 'legend', 'aria-hidden': 'true' }, this.#when, ...items, ...limits);
    this.box = element(
      'figure',
      { class: 'panel plot' },
      element('figcaption', {}, options.title, options.estimated ? note() : undefined, this.#summary),
      this.#place,
      legend,
    );
    new ResizeObserver(() => this.#resize()).observe(this.#place);
  }

  /** @param xs in seconds since 1970. @param series the values of each line, null for a missing one */
  show(xs: readonly number[], series: readonly Values[], nowMs: number): void {
    this.#xs = xs;
    this.#series = series;
    this.#now = nowMs / 1000;
    if (this.#plot === undefined) this.#draw();
    else this.#plot.setData(this.#data());
    setText(this.#summary, this.#text());
    if (this.#plot?.cursor.idx == null) this.#showFigures(null);
  }

  /** Draws again, in the colours of the present theme. */
  redraw(): void {
    if (this.#plot !== undefined) this.#draw();
  }

  /** Formats a figure. The ticks of the axis are exact. */
  get #format(): (value: number) => string {
    return this.#options.estimated ? estimate : this.#options.format;
  }

  #data(): uPlotLibrary.AlignedData {
    return [[...this.#xs], ...this.#series.map((values) => [...values])] as uPlotLibrary.AlignedData;
  }

  #draw(): void {
    const { lines, log } = this.#options;
    this.#plot?.destroy();
    this.#plot = new uPlot(
      {
        width: Math.max(100, this.#place.clientWidth),
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { y: false, drag: { setScale: false }, sync: { key: 'ratecache' } },
        scales: {
          x: { time: false, range: () => [this.#now - SPAN_SECONDS, this.#now] },
          y: { distr: log ? 3 : 1, range: () => this.#range() },
        },
        axes: [this.#timeAxis(), this.#valueAxis()],
        series: [{}, ...lines.map(({ label, colour: name }) => lineOf(label, colour(name)))],
        hooks: {
          draw: [(plot) => this.#drawLimits(plot)],
          setCursor: [(plot) => this.#showFigures(plot.cursor.idx ?? null)],
        },
      },
      this.#data(),
      this.#place,
    );
  }

  #resize(): void {
    const width = this.#place.clientWidth;
    if (this.#plot !== undefined && width > 0 && this.#plot.width !== width)
      this.#plot.setSize({ width, height: HEIGHT_PX });
  }

  #range(): [number, number] {
    const { range, log, limits = [] } = this.#options;
    if (range !== undefined) return [...range];
    const values = this.#series.flat().filter((value) => value !== null);
    const max = Math.max(...values, ...limits.map(({ value }) => value), 0);
    if (!log) return [0, Math.max(max * 1.12, 4 * (this.#options.unit ?? 0)) || 1];
    const positive = values.filter((value) => value > 0);
    const min = Math.min(...positive, max > 0 ? max / 10 : 1);
    return [min / 1.5, (max > 0 ? max : 10) * 1.6];
  }

  #timeAxis(): uPlotLibrary.Axis {
    return {
      ...axis(),
      size: 26,
      splits: () => [0, 5, 10].map((minutes) => this.#now - minutes * 60),
      values: (_, splits) =>
        splits.map((at) => (at > this.#now - 30 ? 'now' : `−${Math.round((this.#now - at) / 60)} min`)),
    };
  }

  #valueAxis(): uPlotLibrary.Axis {
    const { format, log, unit } = this.#options;
    return {
      ...axis(),
      size: AXIS_PX,
      ...(unit !== undefined && { incrs: STEPS.map((step) => step * unit) }),
      ...(log && { splits: (_self, _axis, min, max) => logTicks(min, max) }),
      filter: (_, splits) => splits,
      values: (_, splits) => splits.map((value) => format(value)),
    };
  }

  #drawLimits({ ctx, bbox, valToPos }: uPlotLibrary): void {
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.lineWidth = ratio;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    for (const { value, level } of this.#options.limits ?? []) {
      const at = valToPos(value, 'y', true);
      ctx.strokeStyle = colour(level);
      ctx.beginPath();
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
      ctx.stroke();
    }
    ctx.restore();
  }

  /** Shows the values under the pointer; the latest ones without a pointer. */
  #showFigures(at: number | null): void {
    const format = this.#format;
    const idx = at ?? this.#xs.length - 1;
    for (const [i, place] of this.#figures.entries()) {
      const value = this.#series[i]?.[idx] ?? null;
      setText(place, value === null ? NONE : format(value));
    }
    setText(
      this.#when,
      at === null || this.#xs[at] === undefined ? 'latest' : timeOfDay(this.#xs[at] * 1000),
    );
  }

  /** The plot in words. */
  #text(): string {
    const { lines } = this.#options;
    const format = this.#format;
    const parts = lines.flatMap(({ label }, i) => {
      const known = (this.#series[i] ?? []).filter((value) => value !== null);
      if (known.length === 0) return [];
      return `${label}: latest ${format(known.at(-1)!)}, lowest ${format(Math.min(...known))}, highest ${format(Math.max(...known))}`;
    });
    return parts.length === 0 ? '. No data in 15 minutes.' : `. ${parts.join('; ')}.`;
  }
}

function note(): HTMLElement {
  return element('span', { class: 'muted' }, ' ≈ estimated from buckets');
}

function axis(): uPlotLibrary.Axis {
  return {
    font: FONT,
    stroke: colour('muted'),
    grid: { stroke: colour('grid'), width: 1 },
    ticks: { stroke: colour('grid'), width: 1, size: 5 },
  };
}

function lineOf(label: string, stroke: string): uPlotLibrary.Series {
  // A line has at least two values, so a point shows a value that has none next to it.
  const filter = ({ data }: uPlotLibrary, i: number) => isolated(data[i]!);
  return { label, stroke, width: 2, points: { show: true, filter, fill: stroke }, spanGaps: false };
}

/** Ticks of a logarithmic axis: decades, and more where they are few. */
function logTicks(min: number, max: number): number[] {
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let decade = Math.floor(Math.log10(min)); decade <= Math.ceil(Math.log10(max)); decade++)
      for (const step of steps) ticks.push(step * 10 ** decade);
    const seen = ticks.filter((tick) => tick >= min && tick <= max);
    if (seen.length <= 6) return seen;
  }
  const decades = [];
  for (let decade = Math.ceil(Math.log10(min)); decade <= Math.log10(max); decade++)
    decades.push(10 ** decade);
  return decades.filter((_, i) => i % 2 === 0);
}

/** For axes of milliseconds. */
export const milliseconds = (value: number): string => duration(value);
