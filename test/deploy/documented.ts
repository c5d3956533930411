import { fencesOf, headingsOf, sectionOf } from '../docs/markdown.ts';
import { pagesOf } from '../docs/pages.ts';

/** The nth block of shell commands under a heading of docs/deployment.md or of a page in docs/deployment/. */
export function commandsUnder(heading: string, nth = 0): string {
  const pages = pagesOf('deployment').filter(({ text }) => headingsOf(text).includes(heading));
  if (pages.length !== 1)
    throw new Error(`${pages.length} pages of docs/deployment have the heading ${heading}`);
  const section = sectionOf(pages[0]!.text, heading);
  const block = fencesOf(section).filter(({ language }) => language === 'sh')[nth];
  if (block === undefined)
    throw new Error(`${pages[0]!.file} has no commands number ${nth} under ${heading}`);
  return block.text;
}
