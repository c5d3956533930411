/** The program and all packages it uses in one CommonJS file, which is what a single executable can be made of. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { Build } from '../../src/build-info.ts';
import { ROOT } from './paths.ts';
import { laterBuiltins, laterModules } from './snapshot.ts';

export interface BundleOptions {
  readonly entry: string;
  readonly info: Build;
  /** Whether it is loaded for a snapshot, which not every module of Node may be in. */
  readonly forSnapshot: boolean;
}

export async function bundle({ entry, info, forSnapshot }: BundleOptions): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: 'dist/ratecache.cjs',
    write: false,
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
      // It is used only where the sources lie beside: where this is not the single binary.
      'import.meta.url': '"file:///ratecache"',
    },
    plugins: [ownAddon, luaFiles, leftOut, ...(forSnapshot ? [laterBuiltins, laterModules] : [])],
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}

const ownAddon: Plugin = {
  name: 'own-addon',
  setup({ onResolve }) {
    onResolve({ filter: /^uWebSockets\.js$/ }, () => ({ path: `${ROOT}src/binary/addon.ts` }));
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
  // Exemplars in metrics.
  [/\/@opentelemetry\/api\//, 'module.exports = {};'],
  // Logs that are written by a thread.
  [/\/pino\/lib\/transport\.js$/, 'module.exports = {};'],
  // A native part, without which msgpackr decodes by itself.
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
