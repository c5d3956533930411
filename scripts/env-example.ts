/**
 * Writes `.env.example`, `docs/configuration.md` and the README's table from the table of variables. With
 * `--check` it writes nothing, and exits 1 when one of them is not what it would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { configurationPage, envExample, variableTable } from '../src/config.ts';

const FILES: ReadonlyArray<readonly [path: string, text: string]> = [
  ['.env.example', envExample()],
  ['docs/configuration.md', configurationPage()],
  ['README.md', withTable(contentOf(new URL('../README.md', import.meta.url)) ?? '')],
];

const check = process.argv.includes('--check');

for (const [path, text] of FILES) {
  const url = new URL(`../${path}`, import.meta.url);
  if (!check) {
    mkdirSync(new URL('.', url), { recursive: true });
    writeFileSync(url, text);
  } else if (contentOf(url) !== text) {
    console.error(`${path} is not what the table of variables says: run node scripts/env-example.ts`);
    process.exitCode = 1;
  }
}

/** The README with the table between its two marks. */
function withTable(readme: string): string {
  return readme.replace(/(<!-- variables: .* -->\n)[\s\S]*(<!-- \/variables -->)/, `$1${variableTable()}$2`);
}

function contentOf(url: URL): string | undefined {
  try {
    return readFileSync(url, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
