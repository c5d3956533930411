import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRIES = ['node', 'msgpack'];
const OTHER_FILE = /(from ')(\.[^']+)\.ts'/g;

/**
 * The declarations that a program sees, and no others, by their names in the package.
 * @param work a directory for what the compiler needs
 */
export async function declarations(work: string): Promise<Map<string, string>> {
  const out = join(work, 'declarations');
  const config = join(work, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({
      extends: `${ROOT}tsconfig.json`,
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        rootDir: `${ROOT}src`,
        outDir: out,
        typeRoots: [`${ROOT}node_modules/@types`],
      },
      include: [],
      files: ENTRIES.map((name) => `${ROOT}src/client/${name}.ts`),
    }),
  );
  await promisify(execFile)('tsc', ['-p', config]).catch(({ stdout, message }) => {
    throw new Error(stdout || message);
  });
  const files = new Map<string, string>();
  const add = (name: string) => {
    if (files.has(`types/${name}.d.ts`)) return;
    const text = readFileSync(join(out, 'client', `${name}.d.ts`), 'utf8');
    files.set(`types/${name}.d.ts`, text.replace(OTHER_FILE, "$1$2.js'"));
    for (const [, , other] of text.matchAll(OTHER_FILE)) add(posix.join(posix.dirname(name), other!));
  };
  for (const name of ENTRIES) add(name);
  rmSync(out, { recursive: true });
  rmSync(config);
  return files;
}
