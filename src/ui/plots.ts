/** The plots of the page, and the figures they show. */
import { Chart, type ChartOptions, LATENCY_LIMITS, milliseconds, type Values } from './charts.ts';
import { count, perSecond, size, wholePercent } from './format.ts';
import { hitRates } from './model.ts';
import { type Percentiles, type Sample, TYPES } from './types.ts';

type Figure = (sample: Sample) => number | null;
interface Plot extends Omit<ChartOptions, 'lines'> {
  readonly lines: readonly (readonly [label: string, colour: string, figure: Figure])[];
}

const each = (sample: Sample, value: number) => value / sample.seconds;
const percentile =
  (of: keyof Sample['latency'], name: keyof Percentiles): Figure =>
  ({ latency }) =>
    latency[of][name];

const PLOTS: readonly Plot[] = [
  {
    title: 'Hit rate by tier',
    format: wholePercent,
    range: [0, 1.04],
    lines: [
      ['both tiers', 'series-1', (sample) => hitRates(sample).all],
      ['L1', 'series-2', (sample) => hitRates(sample).l1],
      ['Redis, of what L1 missed', 'series-3', (sample) => hitRates(sample).redis],
    ],
  },
  {
    title: 'Hit rate by type',
    format: wholePercent,
    range: [0, 1.04],
    lines: TYPES.map((type, i) => [type, `series-${i + 1}`, (sample) => hitRates(sample, type).all] as const),
  },
  {
    title: 'Latency of reads',
    format: milliseconds,
    estimated: true,
    log: true,
    limits: LATENCY_LIMITS,
    lines: [
      ['p50', 'series-1', percentile('get', 'p50')],
      ['p95', 'series-2', percentile('get', 'p95')],
      ['p99', 'series-3', percentile('get', 'p99')],
    ],
  },
  {
    title: 'Latency of writes',
    format: milliseconds,
    estimated: true,
    log: true,
    limits: LATENCY_LIMITS,
    lines: [
      ['set p50', 'series-1', percentile('set', 'p50')],
      ['set p99', 'series-3', percentile('set', 'p99')],
      ['delete p99', 'series-4', percentile('delete', 'p99')],
    ],
  },
  {
    title: 'Requests by kind',
    format: perSecond,
    lines: [
      ['reads', 'series-1', (sample) => each(sample, sample.requests.get)],
      ['writes', 'series-2', (sample) => each(sample, sample.requests.set)],
      ['deletions', 'series-4', (sample) => each(sample, sample.requests.delete)],
      ['events', 'series-3', (sample) => each(sample, sample.requests.events)],
    ],
  },
  {
    title: 'Failed, stale and rejected requests',
    format: perSecond,
    lines: [
      ['failed', 'fail', (sample) => each(sample, sample.requests.errors)],
      ['stale', 'warn', (sample) => each(sample, sample.requests.stale)],
      ['rejected by overload', 'series-3', (sample) => each(sample, sample.requests.shed)],
    ],
  },
  {
    title: 'Commands of Redis, all servers',
    format: milliseconds,
    estimated: true,
    log: true,
    lines: [
      ['p50', 'series-1', percentile('redis', 'p50')],
      ['p95', 'series-2', percentile('redis', 'p95')],
      ['p99', 'series-3', percentile('redis', 'p99')],
    ],
  },
  {
    title: 'Lag of the invalidation link',
    format: milliseconds,
    estimated: true,
    log: true,
    lines: [
      ['p50', 'series-1', percentile('lag', 'p50')],
      ['p99', 'series-3', percentile('lag', 'p99')],
    ],
  },
  {
    title: 'Pending writes',
    unit: 1,
    format: count,
    lines: [['entries', 'series-1', (sample) => sample.pending_writes]],
  },
  {
    title: 'Memory',
    unit: 2 ** 20,
    format: size,
    lines: [
      ['resident', 'series-1', ({ memory }) => memory.resident],
      ['heap', 'series-2', ({ memory }) => memory.heap],
      ['L1', 'series-3', ({ memory }) => memory.l1],
    ],
  },
  {
    title: 'Longest delay of the event loop',
    format: milliseconds,
    lines: [['delay', 'series-1', (sample) => sample.loop_delay_ms]],
  },
];

/** A pause between samples that is longer breaks the lines. */
const GAP_SECONDS = 12;

export class Plots {
  readonly #charts = PLOTS.map(({ lines, ...options }) => {
    const chart = new Chart({ ...options, lines: lines.map(([label, colour]) => ({ label, colour })) });
    return { chart, figures: lines.map(([, , figure]) => figure) };
  });

  constructor(place: HTMLElement) {
    place.append(...this.#charts.map(({ chart }) => chart.box));
  }

  show(samples: readonly Sample[]): void {
    const now = samples.at(-1)?.at ?? Date.now();
    const xs: number[] = [];
    const rows: (Sample | undefined)[] = [];
    for (const sample of samples) {
      const x = sample.at / 1000;
      const last = xs.at(-1);
      if (last !== undefined && x - last > GAP_SECONDS) {
        xs.push(last + 1);
        rows.push(undefined);
      }
      xs.push(x);
      rows.push(sample);
    }
    for (const { chart, figures } of this.#charts)
      chart.show(
        xs,
        figures.map((figure): Values => rows.map((sample) => (sample === undefined ? null : figure(sample)))),
        now,
      );
  }

  redraw(): void {
    for (const { chart } of this.#charts) chart.redraw();
  }
}
