/** What every benchmark prints, and what `--record` writes to a document: sections with a table each. */
import Table from 'cli-table3';
import { blocksOf, markdownTable, rewriteDocument, withMarked } from '../../loadtest/report/document.ts';

export interface Section {
  readonly title?: string;
  readonly text?: string;
  readonly table?: Cells;
  /** Lines after the table: what was measured and does not count. */
  readonly notes?: readonly string[];
}

/** A table as text. Cells in `**` are bold in a document. */
export interface Cells {
  readonly head: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

/** Prints the sections on the terminal. */
export function show(sections: readonly Section[]): void {
  for (const { title, text, table, notes = [] } of sections) {
    const heading = [title, text].filter((part) => part !== undefined).join('. ');
    for (const part of [`\n${heading}`, ...(table ? [terminalTable(table)] : []), ...notes])
      console.log(part);
  }
}

/** Writes the sections between the two marks of this name in a document of `docs/`. */
export function record(document: string, mark: string, sections: readonly Section[]): void {
  rewriteDocument(document, (text) => withMarked(text, mark, `\n${markdown(sections)}\n`));
}

export function markdown(sections: readonly Section[]): string {
  return blocksOf(
    sections.flatMap(({ title, text, table, notes = [] }) => [
      ...(title === undefined ? [] : [`### ${title}`]),
      ...(text === undefined ? [] : [text]),
      ...(table === undefined ? [] : [markdownTable(table.head, table.lines, 'right')]),
      ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
    ]),
  );
}

function terminalTable({ head, lines }: Cells): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: process.stdout.isTTY ? ['bold'] : [], border: [], compact: true },
  });
  for (const line of lines) table.push(line.map((cell) => cell.replaceAll('**', '')));
  return table.toString();
}
