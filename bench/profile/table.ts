import { count, percent, significant } from '../../src/format.ts';
import type { Cells } from '../support/cells.ts';
import type { Cost } from './costs.ts';
import type { RowProfile } from './run-row.ts';

const FUNCTIONS = 15;
/** Less of a request is not worth a line. */
const LEAST_SHARE = 0.002;

export function groupCells(profile: RowProfile): Cells {
  return cells('where the time goes', profile.groups, profile);
}

export function functionCells(profile: RowProfile): Cells {
  return cells('function', profile.functions.slice(0, FUNCTIONS), profile);
}

function cells(head: string, costs: readonly Cost[], { cpuUs }: RowProfile): Cells {
  return {
    head: [head, '%', 'µs'],
    lines: costs
      .filter(({ us }) => us >= LEAST_SHARE * cpuUs)
      .map(({ what, us }) => [what, ((100 * us) / cpuUs).toFixed(1), us.toFixed(us < 10 ? 2 : 1)]),
  };
}

export function sentence({ requests, cpuUs, kernelUs, plainUs, besideUs, waited }: RowProfile): string {
  const beside = besideUs < 0.01 * cpuUs ? '' : ` Redis took ${significant(besideUs)} µs beside.`;
  const waiting =
    waited < 0.01
      ? ''
      : ` For ${percent(waited)} of the time something else had the core that it waited for.`;
  return (
    `${count(requests)} requests, ${significant(cpuUs)} µs of CPU each, of which ` +
    `${significant(kernelUs)} (${percent(kernelUs / cpuUs)}) in the kernel; ${significant(plainUs)} µs without the ` +
    `profile.${beside}${waiting}`
  );
}
