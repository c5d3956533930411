/** Documents that are an index page and a folder of further pages: docs/runbook.md and docs/runbook/. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Page {
  /** From the root of the project. */
  readonly file: string;
  readonly text: string;
}

/** The index page, then the pages of the folder by name. */
export function pagesOf(name: string): Page[] {
  const files = [`docs/${name}.md`, ...globSync(`docs/${name}/*.md`, { cwd: ROOT }).sort()];
  return files.map((file) => ({ file, text: readFileSync(`${ROOT}${file}`, 'utf8') }));
}

/** All pages as one text, to look for what any of them contains. */
export function textOf(name: string): string {
  return pagesOf(name)
    .map(({ text }) => text)
    .join('\n');
}
