import { blocksOf, rewriteDocument, withMarked } from '../../loadtest/report/document.ts';
import { markdown } from '../support/cells.ts';
import type { RowProfile } from './run-row.ts';
import { functionCells, groupCells, sentence } from './table.ts';

/** Writes the tables between their two marks in `docs/performance/profiles.md`. @param setting when and where, in a sentence */
export function record(setting: string, profiles: readonly RowProfile[]): void {
  rewriteDocument('performance/profiles.md', (document) => withTables(document, setting, profiles));
}

/** The document with the tables in it. @throws where it has no marks */
export function withTables(document: string, setting: string, profiles: readonly RowProfile[]): string {
  const blocks = profiles.flatMap((profile) => [
    `### ${profile.title}`,
    sentence(profile),
    markdown(groupCells(profile)),
    markdown(functionCells(profile)),
  ]);
  return withMarked(document, 'profiles', `\n${blocksOf([setting, ...blocks])}\n`);
}
