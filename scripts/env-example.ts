/**
 * Writes `.env.example` and `docs/configuration.md` from the table of variables. With `--check` it writes nothing, and
 * exits 1 if one of the files differs from what it would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { configurationPage, envExample } from '../src/config/config.ts';

const FILES: ReadonlyArray<readonly [path: string, text: string]> = [
  ['.env.example', envExample()],
  ['docs/configuration.md', configurationPage()],
];

const check = process.argv.includes('--check');

for (const [path, text] of FILES) {
  const url = new URL(`../${path}`, import.meta.url);
  if (!check) {
    mkdirSync(new URL('.', url), { recursive: true });
    writeFileSync(url, text);
  } else if (contentOf(url) !== text) {
    console.error(`${path} differs from the table of variables. Run: node scripts/env-example.ts`);
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
