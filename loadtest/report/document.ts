/** Text for documents in Markdown. */
import { readFileSync, writeFileSync } from 'node:fs';

/** Writes a document of `docs/` as it is to be, and says so. @param name as `performance.md` */
export function rewriteDocument(name: string, rewritten: (document: string) => string): void {
  const file = new URL(`../../docs/${name}`, import.meta.url);
  writeFileSync(file, rewritten(readFileSync(file, 'utf8')));
  console.log(`written to docs/${name}`);
}

/** Blocks of a document, with an empty line after each but the last. */
export function blocksOf(blocks: readonly string[]): string {
  return blocks.map((block) => `${block}\n`).join('\n');
}

/** The document with this text between the marks of this name. @throws unless it has both, once */
export function withMarked(document: string, name: string, text: string): string {
  const [before, begin, , end, after] = partsAtMarks(document, name);
  return [before, begin, text, end, after].join('');
}

/** What stands between the marks of this name. @throws unless it has both, once */
export function markedIn(document: string, name: string): string {
  return partsAtMarks(document, name)[2]!;
}

/** What stands before the first mark, the mark, what is between, the other mark, and the rest. */
function partsAtMarks(document: string, name: string): readonly string[] {
  const marks = new RegExp(`(<!-- ${name}: .* -->\n|<!-- /${name} -->)`);
  const parts = document.split(marks);
  if (parts.length === 5 && parts[1]!.startsWith(`<!-- ${name}: `) && parts[3] === `<!-- /${name} -->`)
    return parts;
  throw new Error(`there are no marks named ${name} in the document, or more than two`);
}

/** A table in Markdown. @param align of the columns after the first */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: 'left' | 'right' = 'left',
): string {
  const rule = `|---|${(align === 'right' ? '--:|' : '---|').repeat(head.length - 1)}`;
  return [markdownRow(head), rule, ...rows.map(markdownRow)].join('\n');
}

/** One line of it. A bar would end its cell, and a line break the table. */
export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
