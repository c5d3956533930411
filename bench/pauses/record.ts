import { blocksOf, rewriteDocument, withMarked } from '../../loadtest/report/document.ts';
import { markdown } from '../support/cells.ts';
import { settingSentence } from '../support/setting.ts';
import type { Report } from './figures.ts';
import { bytesCells, phaseCells, sizeCells, targetCells } from './table.ts';

/** Writes the tables of a run between their two marks in `docs/performance.md`. */
export function record(report: Report): void {
  rewriteDocument('performance.md', (document) => withTables(document, report));
}

/** The document with the tables in it. @throws where it has no marks */
export function withTables(document: string, report: Report): string {
  return withMarked(document, 'million', `\n${tablesOf(report)}\n`);
}

function tablesOf(report: Report): string {
  return blocksOf([
    sentence(report),
    markdown(targetCells(report)),
    markdown(bytesCells(report.bytes)),
    'Pauses as it ships:',
    markdown(phaseCells(report.lives)),
    'The longest pause in ms, JSON, by the size of the young generation:',
    markdown(sizeCells(report.lives)),
  ]);
}

export function sentence(report: Report): string {
  return settingSentence(report, `of ${report.rounds} rounds the one whose longest pause was the shortest`);
}
