import { readFile } from 'node:fs/promises';
import { fencesOf, sectionOf } from '../docs/markdown.ts';

const PAGE = new URL('../../docs/deployment.md', import.meta.url);

/** The nth block of shell commands under a heading of docs/deployment.md. */
export async function commandsUnder(heading: string, nth = 0): Promise<string> {
  const section = sectionOf(await readFile(PAGE, 'utf8'), heading);
  const block = fencesOf(section).filter(({ language }) => language === 'sh')[nth];
  if (block === undefined)
    throw new Error(`docs/deployment.md has no commands number ${nth} under ${heading}`);
  return block.text;
}
