/** Text for documents in Markdown. */

/** The document with this text between the marks of this name. @throws unless it has both, once */
export function withMarked(document: string, name: string, text: string): string {
  const marks = new RegExp(`(<!-- ${name}: .* -->\n|<!-- /${name} -->)`);
  const [before, begin, , end, after, ...more] = document.split(marks);
  if (begin?.startsWith(`<!-- ${name}: `) && end === `<!-- /${name} -->` && more.length === 0)
    return [before, begin, text, end, after].join('');
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
