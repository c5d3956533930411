/** The files of the live page. In the single binary they are assets; otherwise they come from the sources. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import type { UiFile } from '../http/ui.ts';

/** The path of a file of the page, and how its content is found. */
type Entry = readonly [path: string, read: () => string];

/** Files that the page contains unchanged: their path, and their asset. */
const UNCHANGED = {
  '/ui': 'ui/index.html',
  '/ui/style.css': 'ui/style.css',
  '/ui/icon.svg': 'ui/icon.svg',
  '/ui/uplot.css': 'uplot/dist/uPlot.min.css',
  '/ui/uplot.js': 'uplot/dist/uPlot.iife.min.js',
} as const;

/** The scripts that index.html names. */
export const UI_SCRIPTS = ['theme', 'main'] as const;

/** Each file is read when it is first requested. */
export function uiFiles(): ReadonlyMap<string, UiFile> {
  const entries = isSea() ? bundled() : fromSources();
  return new Map(entries.map(([path, read]) => [path, { type: typeOf(path), read }]));
}

function bundled(): Entry[] {
  return [
    ...Object.entries(UNCHANGED).map(([path, asset]): Entry => [path, () => getAsset(asset, 'utf8')]),
    ...UI_SCRIPTS.map((name): Entry => [`/ui/${name}.js`, () => getAsset(`ui/${name}.js`, 'utf8')]),
  ];
}

/** Browsers load the modules one by one, with their types removed. Node warns once that this function is experimental. */
function fromSources(): Entry[] {
  const folder = fileURLToPath(new URL('../ui/', import.meta.url));
  const script = (file: string) => () =>
    stripTypeScriptTypes(readFileSync(`${folder}${file}`, 'utf8'), { mode: 'strip' });
  const unchanged = Object.entries(UNCHANGED).map(([path, asset]): Entry => {
    const file = asset.startsWith('ui/')
      ? `${folder}${asset.slice('ui/'.length)}`
      : createRequire(import.meta.url).resolve(asset);
    return [path, () => readFileSync(file, 'utf8')];
  });
  const modules = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  return [
    ...unchanged,
    ...UI_SCRIPTS.map((name): Entry => [`/ui/${name}.js`, script(`${name}.ts`)]),
    ...modules.map((name): Entry => [`/ui/${name}`, script(name)]),
  ];
}

function typeOf(path: string): string {
  if (path.endsWith('.css')) return 'text/css; charset=utf-8';
  if (path.endsWith('.svg')) return 'image/svg+xml';
  return /\.(js|ts)$/.test(path) ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8';
}
