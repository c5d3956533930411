/** Text for documents in Markdown. */

/** The document with this text between the marks of this name. @throws unless it has both, once */
export function withMarked(document: string, name: string, text: string): string {
  const marks = new RegExp(`(<!-- ${name}: .* -->\n|<!-- /${name} -->)`);
  const [before, begin, , end, after, ...more] = document.split(marks);
  if (begin?.startsWith(`<!-- ${name}: `) && end === `<!-- /${name} -->` && more.length === 0)
    return [before, begin, text, end, after].join('');
  throw new Error(`there are no marks named ${name} in the document, or more than two`);
}
