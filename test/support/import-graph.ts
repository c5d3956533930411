/** Who imports whom in this project. */
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** From each file to what it imports: files by path, everything else by the name in the import. */
export type Graph = Readonly<Record<string, readonly string[]>>;

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const IMPORT = /^(?:import|export)\s(?:[^'"`;]*\sfrom\s)?'([^']+)'/gm;

/**
 * What is loaded when these files run: type imports are erased before, and left out.
 * @param lazily whose imports within functions count; by default everyone's
 */
export async function loadedBy(
  entryPoints: readonly string[],
  lazily: (file: string) => boolean = () => true,
): Promise<Graph> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    // One entry point that imports them all: for each entry point, esbuild would link all that it loads again.
    stdin: { contents: entryPoints.map((file) => `import './${file}';`).join('\n'), resolveDir: ROOT },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  return Object.fromEntries(
    Object.entries(metafile.inputs)
      .filter(([file]) => file !== '<stdin>')
      .map(([file, { imports }]) => [
        file,
        imports.filter(({ kind }) => kind !== 'dynamic-import' || lazily(file)).map(({ path }) => path),
      ]),
  );
}

/** What the text of these files imports at its top, types too. */
export function importedBy(files: readonly string[]): Graph {
  return Object.fromEntries(
    files.map((file) => {
      const names = Array.from(readFileSync(ROOT + file, 'utf8').matchAll(IMPORT), ([, name]) => name!);
      const resolved = names.map((name) =>
        name.startsWith('.') ? posix.join(posix.dirname(file), name) : name,
      );
      return [file, resolved];
    }),
  );
}

/** The sources that the service, the harness and the benchmarks consist of. */
export function sourceFiles(): string[] {
  return globSync('{src,loadtest,bench}/**/*.ts', { cwd: ROOT, exclude: ['bench/peers/node_modules/**'] });
}
