import { readFileSync, writeFileSync } from 'node:fs';

const DOCUMENT = new URL('../../docs/install.md', import.meta.url);
const MARKS = /(<!-- start: .* -->\n)[\s\S]*(<!-- \/start -->)/;

/** Writes the text between its two marks in docs/install.md. */
export function record(text: string): void {
  const document = readFileSync(DOCUMENT, 'utf8');
  if (!MARKS.test(document)) throw new Error('docs/install.md has lost the marks around its table');
  writeFileSync(
    DOCUMENT,
    document.replace(MARKS, (_, begin, end) => `${begin}\n${text}\n${end}`),
  );
  console.log('written to docs/install.md');
}
