import Table from 'cli-table3';
import { median } from '../../loadtest/support/median.ts';
import type { Result } from './result.ts';

const HEAD = ['benchmark', 'ns/op', 'p99', '± %', 'ratio', 'loops'];

/** The results for a terminal: a heading for each group, and a line for each benchmark. */
export function terminalTable(results: readonly Result[]): string {
  const table = new Table({
    head: HEAD,
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    // Colours are for those who look, not for a file.
    style: { head: process.stdout.isTTY ? ['bold'] : [], border: [], compact: true },
  });
  for (const { heading, rows } of grouped(results)) {
    table.push([{ colSpan: HEAD.length, content: heading }]);
    for (const row of rows) table.push(cellsOf(row));
  }
  return table.toString();
}

/** The same for a document. */
export function markdownTable(results: readonly Result[]): string {
  const lines = [`| ${HEAD.join(' | ')} |`, '|---|--:|--:|--:|--:|--:|'];
  for (const { heading, rows } of grouped(results)) {
    lines.push(`| **${heading}** | | | | | |`);
    for (const row of rows) lines.push(`| ${cellsOf(row).join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

function grouped(results: readonly Result[]) {
  const groups = Map.groupBy(results, ({ suite, group }) => `${suite}: ${group}`);
  return [...groups].map(([heading, rows]) => ({ heading, rows }));
}

function cellsOf(result: Result): string[] {
  const { name, peer, reference, toReference } = result;
  return [
    peer ? name : `${name} *`,
    nanoseconds(result.median),
    nanoseconds(result.p99),
    result.errorPercent.toFixed(1),
    toReference === undefined ? '' : name === reference ? '1' : ratio(toReference),
    ratio(median(result.toReferenceLoop)),
  ];
}

/** Three digits that count, and thousands apart. */
export function nanoseconds(ns: number): string {
  if (ns >= 1000) return Math.round(ns).toLocaleString('en-US');
  return digits(ns);
}

export function ratio(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : digits(value);
}

function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

export const LEGEND = `* ours. ns/op: median; p99: of the samples; ± %: of the mean, at 95 %; ratio: to the line with 1; loops: of the reference loop`;
