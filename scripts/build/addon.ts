import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { ROOT } from './paths.ts';

export interface Addon {
  readonly path: string;
  readonly sha256: string;
}

/** The native part of uWebSockets.js from its package, for this system and this Node. */
export function addon(): Addon {
  const { platform, arch, versions } = process;
  const name = `uws_${platform}_${arch}_${versions.modules}.node`;
  const path = `${ROOT}node_modules/uWebSockets.js/dist/bin/${name}`;
  if (!existsSync(path))
    throw new Error(`uWebSockets.js has no ${name}: it does not support this system with this Node`);
  return { path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
}
