import Table from 'cli-table3';
import { markdownTable } from '../../loadtest/report/document.ts';

/** A table, of which a document and a terminal show the same: a heading and the lines under it. */
export interface Cells {
  readonly head: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** Whether a target is met, as a cell of its table; undefined where that was not measured. */
export function verdict(met: boolean | undefined): string {
  return met === undefined ? '–' : met ? 'met' : '**not met**';
}

export function markdown({ head, lines }: Cells): string {
  return markdownTable(head, lines, 'right');
}

export function terminal({ head, lines }: Cells): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: process.stdout.isTTY ? ['bold'] : [], border: [], compact: true },
  });
  for (const line of lines) table.push(line.map((cell) => cell.replaceAll('**', '')));
  return table.toString();
}
