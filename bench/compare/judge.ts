import { idOf, type Result } from '../support/result.ts';
import { contestantOf, isIdle, ratioOf } from './figures.ts';
import type { Report } from './report.ts';
import type { InRow, InSuite, Target } from './targets.ts';

export type Measured =
  | {
      readonly ratio: number;
      /** The rate was not the server's to determine, so it is the ratio of CPU times, upside down. */
      readonly byCpu: boolean;
    }
  /** Why there is no ratio. */
  | { readonly missing: string };

/** The two that a target names, as one ratio. */
export function measuredFor({ measured }: Target, report: Report): Measured {
  return 'row' in measured ? inRow(measured, report) : inSuite(measured, report.suites);
}

/** Whether it is met; undefined where it was not measured. */
export function isMet({ limit }: Target, measured: Measured): boolean | undefined {
  if ('missing' in measured) return undefined;
  return 'atLeast' in limit ? measured.ratio >= limit.atLeast : measured.ratio <= limit.atMost;
}

function inRow({ row: name, of, ours, theirs }: InRow, { rows }: Report): Measured {
  const row = rows.find((each) => each.name === name);
  const us = row && contestantOf(row, ours);
  const them = row && contestantOf(row, theirs);
  if (us === undefined || them === undefined) return { missing: 'not measured' };
  const absent = us.absent ?? them.absent;
  if (absent !== undefined) return { missing: absent };
  const byCpu = of === 'perSecond' && (isIdle(us) || isIdle(them));
  const ratio = byCpu ? ratioOf(them, us, 'cpuUs') : ratioOf(us, them, of);
  return ratio === undefined ? { missing: 'no valid run' } : { ratio, byCpu };
}

function inSuite({ ours, theirs }: InSuite, suites: readonly Result[]): Measured {
  const find = (id: string) => suites.find((each) => idOf(each) === id);
  const us = find(ours);
  const them = find(theirs);
  if (us === undefined || them === undefined) return { missing: 'not measured' };
  // Within a group there are ratios of the same rounds; beyond it there are medians only.
  const sameRounds =
    us.group === them.group && us.toReference !== undefined && them.toReference !== undefined;
  const ratio = sameRounds ? us.toReference / them.toReference : us.median / them.median;
  return { ratio, byCpu: false };
}
