/** Files that the harness prints or writes to a report unchanged. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** Files of the harness have their path in loadtest/, files of the plotting library their import name. */
export const ASSETS = [
  'report/style.css',
  'report/charts.js',
  'report/plots.js',
  'capacity/knees.js',
  'load-profile.schema.json',
  'uplot/dist/uPlot.min.css',
  'uplot/dist/uPlot.iife.min.js',
  'uplot/LICENSE',
] as const;

export type Asset = (typeof ASSETS)[number];

/** The text of the file. The single binary contains it under the same name. */
export function asset(name: Asset): string {
  return isSea() ? getAsset(name, 'utf8') : readFileSync(assetPath(name), 'utf8');
}

/** The path of the file in the sources, from which the build makes the assets of the single binary. */
export function assetPath(name: Asset): string {
  return name.startsWith('uplot/')
    ? createRequire(import.meta.url).resolve(name)
    : fileURLToPath(new URL(`../${name}`, import.meta.url));
}
