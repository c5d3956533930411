import { blocksOf, markedIn, rewriteDocument, withMarked } from '../../loadtest/report/document.ts';
import { markdown } from '../support/cells.ts';
import { settingSentence } from '../support/setting.ts';
import { type Earlier, earlierIn } from './earlier.ts';
import type { Report } from './report.ts';
import { notes, rowCells, targetCells } from './table.ts';

/** Writes the tables of a run between their two marks in `docs/performance.md`. */
export function record(report: Report): void {
  rewriteDocument('performance.md', (document) => withTables(document, report));
}

/** The document with the tables in it, and with what its own were. @throws where it has no marks */
export function withTables(document: string, report: Report): string {
  const earlier = earlierIn(markedIn(document, 'peers'));
  return withMarked(document, 'peers', `\n${tablesOf(report, earlier)}\n`);
}

function tablesOf(report: Report, earlier: Earlier | undefined): string {
  const blocks = [
    machineSentence(report),
    versionsSentence(report),
    '### Targets',
    markdown(targetCells(report, earlier)),
    ...(earlier === undefined ? [] : [`**before** is what the run of ${earlier.setting}, measured.`]),
  ];
  for (const row of report.rows) {
    blocks.push(`### ${row.title}`, row.about, markdown(rowCells(row)));
    const noted = notes(row);
    if (noted.length > 0) blocks.push(noted.map((note) => `- ${note}`).join('\n'));
  }
  return blocksOf(blocks);
}

export function machineSentence(report: Report): string {
  const { rounds, seconds } = report.effort;
  return settingSentence(report, `${rounds} rounds of ${seconds} s`);
}

function versionsSentence({ rows }: Report): string {
  const versions = new Map(
    rows.flatMap(({ contestants }) =>
      contestants.flatMap(({ title, version }) => (version === undefined ? [] : [[title, version] as const])),
    ),
  );
  return `Versions: ${[...versions].map(([title, version]) => `${title} ${version}`).join('; ')}.`;
}
