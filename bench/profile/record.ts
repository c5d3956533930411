import { readFileSync, writeFileSync } from 'node:fs';
import { withMarked } from '../../loadtest/report/document.ts';
import { markdown } from '../support/cells.ts';
import type { RowProfile } from './run-row.ts';
import { functionCells, groupCells, sentence } from './table.ts';

const DOCUMENT = new URL('../../docs/profiles.md', import.meta.url);

/** Writes the tables between their two marks in `docs/profiles.md`. @param setting when and where, in a sentence */
export function record(setting: string, profiles: readonly RowProfile[]): void {
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8'), setting, profiles));
  console.log('written to docs/profiles.md');
}

/** The document with the tables in it. @throws where it has no marks */
export function withTables(document: string, setting: string, profiles: readonly RowProfile[]): string {
  const blocks = profiles.flatMap((profile) => [
    `### ${profile.title}`,
    sentence(profile),
    markdown(groupCells(profile)),
    markdown(functionCells(profile)),
  ]);
  return withMarked(document, 'profiles', `\n${[setting, ...blocks].join('\n\n')}\n\n`);
}
