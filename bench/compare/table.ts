/** The tables of record: targets first, then each row. */
import { type Cells, verdict } from '../support/cells.ts';
import { nanoseconds } from '../support/table.ts';
import { type Earlier, targetName } from './earlier.ts';
import { contestantOf, type Figure, isIdle, medianOf, ratioOf, validOf } from './figures.ts';
import { isMet, measuredFor } from './judge.ts';
import type { Report } from './report.ts';
import type { ContestantResult, RowResult } from './run-rows.ts';
import { type Limit, TARGETS } from './targets.ts';

/** @param earlier whose figures are told beside those of the report */
export function targetCells(report: Report, earlier?: Earlier): Cells {
  const lines = TARGETS.map((target) => {
    const { what, against, limit } = target;
    const measured = measuredFor(target, report);
    const figure =
      'missing' in measured ? measured.missing : `${ratio(measured.ratio)}${measured.byCpu ? ' †' : ''}`;
    const of = 'row' in target.measured ? OF[target.measured.of] : 'time';
    const cells = [what, against, of, limitText(limit), figure, verdict(isMet(target, measured))];
    return earlier === undefined ? cells : [...cells, earlier.measured.get(targetName(cells)) ?? ''];
  });
  const head = ['what', 'against', 'ratio of', 'target', 'measured', ''];
  return { head: earlier === undefined ? head : [...head, 'before'], lines };
}

const OF: Readonly<Record<Figure, string>> = {
  perSecond: 'rate',
  cpuUs: 'CPU',
  busy: 'core',
  bytesPerAnswer: 'bytes',
  p50Us: 'p50',
  p99Us: 'p99',
  p999Us: 'p99.9',
  perRequest: 'allocated',
  perKey: 'allocated',
  instructions: 'instructions',
};

function limitText(limit: Limit): string {
  return 'atLeast' in limit ? `>= ${limit.atLeast}` : `<= ${limit.atMost}`;
}

/** Of each kind of row: the figures that have a column, and those of which there are ratios. */
const COLUMNS: Readonly<
  Record<RowResult['columns'], { figures: readonly Figure[]; ratios: readonly Figure[] }>
> = {
  throughput: { figures: ['perSecond', 'cpuUs', 'busy', 'bytesPerAnswer'], ratios: ['perSecond', 'cpuUs'] },
  work: { figures: ['perSecond', 'cpuUs', 'busy', 'p50Us'], ratios: ['perSecond', 'cpuUs', 'p50Us'] },
  starts: { figures: ['p50Us'], ratios: ['p50Us'] },
  latency: { figures: ['perSecond', 'p50Us', 'p99Us', 'p999Us'], ratios: ['p99Us', 'p999Us'] },
  allocation: { figures: ['perRequest', 'perKey'], ratios: [] },
  instructions: { figures: ['instructions'], ratios: ['instructions'] },
};

const HEADS: Readonly<Record<Figure, string>> = {
  perSecond: 'a second',
  cpuUs: 'CPU µs',
  busy: 'core',
  bytesPerAnswer: 'bytes',
  p50Us: 'p50 µs',
  p99Us: 'p99 µs',
  p999Us: 'p99.9 µs',
  perRequest: 'bytes a request',
  perKey: 'bytes a key',
  instructions: 'instructions a request',
};

export function rowCells(row: RowResult): Cells {
  const { figures, ratios } = COLUMNS[row.columns];
  const references = row.references
    .map((name) => contestantOf(row, name))
    .filter((reference) => reference !== undefined);
  const lines = row.contestants.map((contestant) => {
    const name = `${contestant.title}${ratios.includes('perSecond') ? markOf(contestant) : ''}`;
    const width = figures.length + references.length * ratios.length;
    const why = contestant.absent ?? (validOf(contestant).length === 0 ? faultsOf(contestant) : undefined);
    if (why !== undefined) return [name, why, ...Array<string>(width - 1).fill('')];
    return [
      name,
      ...figures.map((figure) => text(figure, medianOf(contestant, figure))),
      ...references.flatMap((reference) =>
        ratios.map((figure) =>
          contestant === reference ? '1' : ratio(ratioOf(contestant, reference, figure)),
        ),
      ),
    ];
  });
  return {
    head: [
      '',
      ...figures.map((figure) => HEADS[figure]),
      ...references.flatMap(({ title }) => ratios.map((figure) => `${OF[figure]} : ${title}`)),
    ],
    lines,
  };
}

/** Of contestants with figures, the runs that did not count: nothing is left out silently. */
export function notes({ contestants }: RowResult): string[] {
  return contestants
    .filter(({ absent }) => absent === undefined)
    .filter((contestant) => {
      const valid = validOf(contestant).length;
      return valid > 0 && valid < contestant.samples.length;
    })
    .map((contestant) => `${contestant.title}: ${faultsOf(contestant)}`);
}

function faultsOf({ samples }: ContestantResult): string {
  const bad = samples.filter(({ faults }) => faults.length > 0);
  return `${bad.length} of ${samples.length} runs invalid (${bad[0]?.faults.join(', ') ?? ''})`;
}

/** Its rate is not its own to determine. */
function markOf(contestant: ContestantResult): string {
  return contestant.absent === undefined && isIdle(contestant) ? ' †' : '';
}

function text(figure: Figure, value: number | undefined): string {
  if (value === undefined) return '';
  if (figure === 'busy') return value.toFixed(2);
  if (figure === 'cpuUs') return nanoseconds(value);
  return Math.round(value).toLocaleString('en-US');
}

function ratio(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(value >= 10 ? 1 : 2);
}
