import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Addon, addonFileName, type LoadedFile } from './packages.ts';

/**
 * Loads an addon from its file.
 * @throws Error with the reason if the file is missing or is not an addon of uWebSockets.js for this Node
 */
export function loadFile(path: string): LoadedFile {
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const module: { exports: Partial<Addon> } = { exports: {} };
  process.dlopen(module, path);
  if (module.exports.App === undefined) throw new Error(`it is not ${addonFileName()} of uWebSockets.js`);
  return { addon: module.exports as Addon, sha256 };
}
