/** Delays modules that must not be loaded before the snapshot is made. */
import { createRequire, isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

const require = createRequire(import.meta.url);

/** Modules of Node that work in a snapshot; Node warns about the others. */
const SURVIVING = new Set(
  (
    'assert buffer crypto diagnostics_channel events fs fs/promises net os path process stream string_decoder ' +
    'timers url util v8 zlib'
  ).split(' '),
);

/** Loads all other modules of Node when they are first used. */
export const laterBuiltins: Plugin = {
  name: 'later-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^/ }, ({ path }) =>
      isBuiltin(path) && !SURVIVING.has(path.replace(/^node:/, ''))
        ? { path, namespace: 'later-builtin' }
        : undefined,
    );
    onLoad({ filter: /^/, namespace: 'later-builtin' }, ({ path }) => ({
      contents: laterBuiltin(path, require(path)),
      loader: 'js',
    }));
  },
};

/**
 * A module with getters instead of exports. While the snapshot is made, a function is replaced by a wrapper that
 * calls the real one later; any other export is refused then.
 */
function laterBuiltin(id: string, exports: Readonly<Record<string, unknown>>): string {
  // `isMainThread` is true at every start.
  const names = Object.keys(exports).filter((name) => name !== 'isMainThread');
  return `
    let builtin;
    const real = (name) => (builtin ??= process.getBuiltinModule('${id}'))[name];
    const early = () => process.getBuiltinModule('v8').startupSnapshot.isBuildingSnapshot();
    const refuse = (name) => {
      throw new Error('${id} cannot be in a snapshot, and its ' + name + ' is used while one is made');
    };
    const call = (name) => (...args) => early() ? refuse(name) : real(name)(...args);
    const define = (name, get) =>
      Object.defineProperty(exports, name, { enumerable: true, get: () => builtin ? builtin[name] : get() });
    for (const name of ${JSON.stringify(names.filter((name) => isPlainFunction(exports[name])))})
      define(name, () => early() ? call(name) : real(name));
    for (const name of ${JSON.stringify(names.filter((name) => !isPlainFunction(exports[name])))})
      define(name, () => early() ? refuse(name) : real(name));
    exports.isMainThread = true;
  `;
}

/** Whether the value is a function to call, not a class. */
function isPlainFunction(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  const { prototype } = value as { prototype?: object };
  return prototype === undefined || Reflect.ownKeys(prototype).length === 1;
}

/** Modules with one function that needs the start time or the constants of perf_hooks. */
const OF_THE_START = /\/prom-client\/lib\/metrics\/(processStartTime|gc)\.js$/;

export const laterModules: Plugin = {
  name: 'later-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?real$/ }, ({ path }) => ({ path: path.replace('?real', ''), suffix: '?real' }));
    onLoad({ filter: OF_THE_START }, ({ path, suffix }) => {
      if (suffix === '?real') return undefined;
      const contents = `module.exports = (...args) => require(${JSON.stringify(`${path}?real`)})(...args);`;
      return { contents, loader: 'js' };
    });
  },
};
