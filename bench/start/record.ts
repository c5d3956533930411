import { rewriteDocument, withMarked } from '../../loadtest/report/document.ts';

/** Writes the text between its two marks in docs/install.md. */
export function record(text: string): void {
  rewriteDocument('install.md', (document) => withMarked(document, 'start', `\n${text}\n`));
}
