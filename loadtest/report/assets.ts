/** Files that go into a report as they are. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** Those of the harness by their path in loadtest/, those of the plotting library by what one would import. */
export const ASSETS = [
  'report/style.css',
  'report/charts.js',
  'report/plots.js',
  'capacity/knees.js',
  'uplot/dist/uPlot.min.css',
  'uplot/dist/uPlot.iife.min.js',
  'uplot/LICENSE',
] as const;

export type Asset = (typeof ASSETS)[number];

/** Its text. The single binary holds it under its own name. */
export function asset(name: Asset): string {
  return isSea() ? getAsset(name, 'utf8') : readFileSync(assetPath(name), 'utf8');
}

/** Where it lies beside the sources: the `assets` of the single binary are made of these. */
export function assetPath(name: Asset): string {
  return name.startsWith('uplot/')
    ? createRequire(import.meta.url).resolve(name)
    : fileURLToPath(new URL(`../${name}`, import.meta.url));
}
