import { readFileSync, writeFileSync } from 'node:fs';
import { withMarked } from '../../loadtest/report/document.ts';

const DOCUMENT = new URL('../../docs/install.md', import.meta.url);

/** Writes the text between its two marks in docs/install.md. */
export function record(text: string): void {
  writeFileSync(DOCUMENT, withMarked(readFileSync(DOCUMENT, 'utf8'), 'start', `\n${text}\n`));
  console.log('written to docs/install.md');
}
