/** A program and all packages it uses in one CommonJS text, which is what a single executable can be made of. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { TOOLS } from '../../src/binary/tools.ts';
import type { Build } from '../../src/build-info.ts';
import { ROOT } from './paths.ts';
import { laterBuiltins, laterModules } from './snapshot.ts';
import { toolsApart, toolsEntry } from './tools.ts';

/** A program, and the files that are in it, by their path from the root of the project. */
export interface Bundle {
  readonly text: string;
  readonly files: readonly string[];
}

/** What the single binary is made of as a snapshot. */
export interface Bundles {
  /** The program in the snapshot. */
  readonly program: Bundle;
  /** What is left out of it, for src/binary/tools.ts. */
  readonly tools: Bundle;
}

/** The whole program in one text. */
export function bundle(info: Build): Promise<Bundle> {
  return bundled(info, { entryPoints: ['src/main.ts'] });
}

export async function bundlesForSnapshot(info: Build): Promise<Bundles> {
  const apart = new Set<string>();
  const plugins = [toolsApart(apart), laterBuiltins, laterModules];
  const program = await bundled(info, { entryPoints: ['src/binary/main.ts'], plugins });
  const stdin = { contents: toolsEntry(apart), resolveDir: ROOT, sourcefile: TOOLS };
  return { program, tools: await bundled(info, { stdin }) };
}

async function bundled(info: Build, { plugins = [], ...entry }: BuildOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...entry,
    absWorkingDir: ROOT,
    outfile: 'dist/ratecache.cjs',
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    // Names stay, and lines are short: the traces of errors are read by people.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 160,
    legalComments: 'none',
    define: {
      RATECACHE_BUILD: JSON.stringify(info),
      // Only the sources use it, to find files next to them.
      'import.meta.url': '"file:///ratecache"',
    },
    // The second program of the binary has no `import()`.
    supported: { 'dynamic-import': false },
    plugins: [ownAddons, luaFiles, leftOut, noActiveTrace, ...plugins],
    logLevel: 'error',
  });
  const { inputs } = Object.values(metafile!.outputs)[0]!;
  return { text: outputFiles![0]!.text, files: Object.keys(inputs) };
}

/** Takes the addons from the assets instead of node_modules. */
const ownAddons: Plugin = {
  name: 'own-addons',
  setup({ onResolve }) {
    onResolve({ filter: /\/installed\.ts$/ }, () => ({ path: `${ROOT}src/binary/addon.ts` }));
  },
};

/** The module that reads `.lua` files holds their texts instead. */
const luaFiles: Plugin = {
  name: 'lua-files',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/redis\/lua\.ts$/ }, ({ path }) => {
      const folder = dirname(path);
      const names = readdirSync(folder).filter((name) => name.endsWith('.lua'));
      const texts = names.map((name) => [basename(name, '.lua'), readFileSync(join(folder, name), 'utf8')]);
      return {
        contents: `const texts = ${JSON.stringify(Object.fromEntries(texts))}; export const lua = (name) => texts[name];`,
      };
    });
  },
};

/** What packages load and we never use, and what stands in its place. */
const LEFT_OUT: readonly (readonly [files: RegExp, contents: string])[] = [
  // A gateway to push metrics to, and the metrics of a cluster of processes.
  [/\/prom-client\/lib\/(pushgateway|cluster)\.js$/, 'module.exports = {};'],
  // Logs that are written by a thread.
  [/\/pino\/lib\/transport\.js$/, 'module.exports = {};'],
  // A native part; without it msgpackr decodes in JavaScript.
  [/\/msgpackr-extract\//, 'module.exports = undefined;'],
  // What ioredis tells when DEBUG asks for it, which is looked at once, when it is loaded.
  [/\/debug\/src\/index\.js$/, 'exports.default = () => Object.assign(() => {}, { enabled: false });'],
];

const leftOut: Plugin = {
  name: 'left-out',
  setup({ onLoad }) {
    for (const [filter, contents] of LEFT_OUT) onLoad({ filter }, () => ({ contents, loader: 'js' }));
  },
};

/** prom-client asks this package for the trace of an exemplar. The exemplars of ratecache come from its own spans. */
const noActiveTrace: Plugin = {
  name: 'no-active-trace',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@opentelemetry\/api$/ }, ({ importer }) =>
      importer.includes('/prom-client/') ? { path: 'api', namespace: 'no-active-trace' } : undefined,
    );
    onLoad({ filter: /^/, namespace: 'no-active-trace' }, () => ({ contents: 'module.exports = {};' }));
  },
};
