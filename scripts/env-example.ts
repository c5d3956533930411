/**
 * Writes `.env.example`, `docs/configuration.md` and the README's table from the table of variables. With
 * `--check` it writes nothing, and exits 1 when one of them is not what it would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { withMarked } from '../loadtest/report/document.ts';
import { configurationPage, envExample, variableTable } from '../src/config/config.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

const FILES: ReadonlyArray<readonly [path: string, text: string]> = [
  ['.env.example', envExample()],
  ['docs/configuration.md', configurationPage()],
  ['README.md', withMarked(readme, 'variables', variableTable())],
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

function contentOf(url: URL): string | undefined {
  try {
    return readFileSync(url, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
