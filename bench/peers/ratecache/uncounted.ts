/** For `--import`: Node then loads the sources without what counts and times a hit, or does not start. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { PIECES, without } from './pieces.ts';

const sources = new Map(
  Object.entries(PIECES).map(([file, pieces]) => {
    const url = new URL(`../../../src/${file}`, import.meta.url);
    return [url.href, without(file, readFileSync(url, 'utf8'), pieces)];
  }),
);

registerHooks({
  load: (url, context, next) => {
    const source = sources.get(url);
    return source === undefined
      ? next(url, context)
      : { source, format: 'module-typescript', shortCircuit: true };
  },
});
