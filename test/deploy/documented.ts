import { readFile } from 'node:fs/promises';

const PAGE = new URL('../../docs/deployment.md', import.meta.url);

/** The nth block of shell commands under a heading of docs/deployment.md. */
export async function commandsUnder(heading: string, nth = 0): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const section = page.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`));
  const block = section?.match(/^```sh\n[\s\S]*?^```/gm)?.[nth];
  if (block === undefined)
    throw new Error(`docs/deployment.md has no commands number ${nth} under ${heading}`);
  return block.replace(/^```.*/gm, '');
}
