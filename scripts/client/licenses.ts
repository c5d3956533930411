import { readdirSync, readFileSync } from 'node:fs';

const MODULES = new URL('../../node_modules/', import.meta.url);

/** The licenses of the packages in the bundles, which must accompany every copy. */
export function licensesOf(packages: Iterable<string>): string {
  const sections = [...packages].sort().map((name) => {
    const directory = new URL(`${name}/`, MODULES);
    const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`no license found for ${name}`);
    const { version } = JSON.parse(readFileSync(new URL('package.json', directory), 'utf8'));
    return `${name} ${version}\n\n${readFileSync(new URL(file, directory), 'utf8').trim()}\n`;
  });
  return sections.join(`\n${'='.repeat(80)}\n\n`);
}
