/** Keeps code out of the snapshot that the service does not run: it becomes a program of its own, an asset. */
import { relative, resolve } from 'node:path';
import type { Plugin } from 'esbuild';
import { ROOT } from './paths.ts';

/** The modules that are imported when they are needed, and that bring the packages of the harness, the terminal and traces. */
const TOOLS = /^(loadtest\/.*|src\/cli\/stats|src\/warmup\/progress|src\/tracing\/otel)\.ts$/;

/**
 * Lets each dynamic import of such a module ask src/binary/tools.ts for it.
 * @param found receives the modules, as the entries of the second program
 */
export function toolsApart(found: Set<string>): Plugin {
  return {
    name: 'tools-apart',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
        const file = relative(ROOT, resolve(resolveDir, path));
        if (kind !== 'dynamic-import' || !TOOLS.test(file)) return undefined;
        found.add(file);
        return { path: file, namespace: 'tool' };
      });
      onLoad({ filter: /^/, namespace: 'tool' }, ({ path }) => ({
        contents: `module.exports = require('./src/binary/tools.ts').tool(${JSON.stringify(path)});`,
        resolveDir: ROOT,
      }));
    },
  };
}

/** The entry of the second program: it loads nothing before it is asked for. */
export function toolsEntry(files: Iterable<string>): string {
  const rows = [...files].sort().map((file) => `${JSON.stringify(file)}: () => require('./${file}'),`);
  return `module.exports = {\n${rows.join('\n')}\n};\n`;
}
