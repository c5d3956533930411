import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What is built: each from one entry point, with all packages that it uses. */
const OUTPUTS: readonly (BuildOptions & { readonly entry: string; readonly outfile: string })[] = [
  { entry: 'browser', outfile: 'browser.js', platform: 'browser', format: 'esm' },
  {
    entry: 'node',
    outfile: 'node.js',
    platform: 'node',
    format: 'esm',
    // `ws` loads modules of Node with `require`.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  },
  { entry: 'node', outfile: 'node.cjs', platform: 'node', format: 'cjs' },
  { entry: 'msgpack', outfile: 'msgpack.js', platform: 'browser', format: 'esm' },
  { entry: 'msgpack', outfile: 'msgpack.cjs', platform: 'browser', format: 'cjs' },
];

export interface Bundles {
  /** The texts of the files, source maps included, by name. */
  readonly files: ReadonlyMap<string, string>;
  /** The names of the packages in them. */
  readonly packages: ReadonlySet<string>;
}

export async function bundles(): Promise<Bundles> {
  const files = new Map<string, string>();
  const packages = new Set<string>();
  for (const { entry, ...options } of OUTPUTS) {
    const { outputFiles, metafile } = await build({
      ...options,
      absWorkingDir: ROOT,
      entryPoints: [`src/client/${entry}.ts`],
      bundle: true,
      target: options.platform === 'node' ? 'node20' : 'es2022',
      sourcemap: 'linked',
      legalComments: 'none',
      write: false,
      metafile: true,
      plugins: [oneCollection],
      logLevel: 'error',
    });
    for (const { path, text } of outputFiles!) files.set(basename(path), text);
    for (const file of Object.keys(metafile!.inputs)) {
      const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
      if (name !== undefined) packages.add(name);
    }
  }
  return { files, packages };
}

/** Of mnemonist only the one collection that the client uses. */
const oneCollection: Plugin = {
  name: 'one-collection',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^mnemonist$/ }, ({ path }) => ({ path, namespace: 'one-collection' }));
    onLoad({ filter: /^/, namespace: 'one-collection' }, () => ({
      contents: "exports.LRUMapWithDelete = require('mnemonist/lru-map-with-delete.js');",
      resolveDir: ROOT,
    }));
  },
};
