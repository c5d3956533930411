/** Text for documents in Markdown. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Rewrites a document of `docs/`, and prints its name. @param name for example `performance.md` */
export function rewriteDocument(name: string, rewritten: (document: string) => string): void {
  const file = new URL(`../../docs/${name}`, import.meta.url);
  writeFileSync(file, rewritten(readFileSync(file, 'utf8')));
  console.log(`wrote docs/${name}`);
}

/** Joins blocks of a document with empty lines. */
export function blocksOf(blocks: readonly string[]): string {
  return blocks.map((block) => `${block}\n`).join('\n');
}

/** Replaces the text between the marks of this name. @throws unless the document has both marks once */
export function withMarked(document: string, name: string, text: string): string {
  const [before, begin, , end, after] = partsAtMarks(document, name);
  return [before, begin, text, end, after].join('');
}

/** The text before the first mark, the mark, the text between, the second mark, and the rest. */
function partsAtMarks(document: string, name: string): readonly string[] {
  const marks = new RegExp(`(<!-- ${name}: .* -->\n|<!-- /${name} -->)`);
  const parts = document.split(marks);
  if (parts.length === 5 && parts[1]!.startsWith(`<!-- ${name}: `) && parts[3] === `<!-- /${name} -->`)
    return parts;
  throw new Error(
    `the document must contain the marks <!-- ${name}: … --> and <!-- /${name} --> exactly once`,
  );
}

/** A table in Markdown. @param align alignment of the columns after the first */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: 'left' | 'right' = 'left',
): string {
  const rule = `|---|${(align === 'right' ? '--:|' : '---|').repeat(head.length - 1)}`;
  return [markdownRow(head), rule, ...rows.map(markdownRow)].join('\n');
}

/** One row of a table. Escapes bars, which would end a cell, and line breaks, which would end the table. */
export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
