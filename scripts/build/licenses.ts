/** The text of `ratecache licenses`. */
import { readFileSync } from 'node:fs';
import { getProjectLicenses } from 'generate-license-file';
import { productionPackages } from './dependencies.ts';
import { NATIVE_PARTS } from './native-parts.ts';
import { ROOT } from './paths.ts';

const RULE = '='.repeat(80);

/** The license of ratecache, then each other license once, with the names of all packages that have it. */
export async function licensesText(): Promise<string> {
  const sections = [
    section(['ratecache'], readFileSync(`${ROOT}LICENSE`, 'utf8')),
    ...(await ofPackages()),
    ...ofNativeParts(),
  ];
  return ['The parts of ratecache and their licenses.', ...sections].join(`\n\n${RULE}\n\n`);
}

async function ofPackages(): Promise<string[]> {
  const needed = productionPackages();
  const found = new Set<string>();
  const sections: string[] = [];
  for (const { dependencies, content, notices } of await getProjectLicenses(`${ROOT}package.json`)) {
    const names = dependencies.filter((name) => needed.has(name));
    for (const name of names) found.add(name);
    if (names.length > 0) sections.push(section(names, [content, ...notices].join('\n\n')));
  }
  const missing = [...needed].filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`no license found for ${missing.join(', ')}`);
  return sections;
}

function ofNativeParts(): string[] {
  const files = Map.groupBy(NATIVE_PARTS, ({ file }) => file);
  return [...files].map(([file, parts]) => {
    const names = parts.map(({ name, version, license }) =>
      version === undefined ? `${name} (${license})` : `${name} ${version} (${license})`,
    );
    return section(names, readFileSync(new URL(`licenses/${file}`, import.meta.url), 'utf8'));
  });
}

function section(names: readonly string[], text: string): string {
  return `${names.join('\n')}\n\n${text.trim()}`;
}
