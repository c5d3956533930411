/**
 * What the single binary has in the place of the package uWebSockets.js: the same functions, from the native part
 * that the binary carries. A file is needed to load that, since the system loads libraries from files only.
 */

import type * as uws from 'uWebSockets.js';
import { getRawAsset } from 'node:sea';
import { BUILD } from '../build-info.ts';
import { loadFromPrivateFile, temporaryDirectories } from './private-file.ts';

/** The name of the asset, and of the file. */
export const ADDON = 'uws.node';

type Addon = Pick<typeof uws, 'App' | 'us_listen_socket_close' | 'us_socket_local_port'>;

let loaded: Addon | undefined;

/** Loaded when it is first needed: a snapshot of the program cannot hold it. */
function addon(): Addon {
  if (loaded !== undefined) return loaded;
  const module: { exports: Partial<Addon> } = { exports: {} };
  const file = { name: ADDON, bytes: new Uint8Array(getRawAsset(ADDON)), sha256: BUILD!.addonSha256 };
  loadFromPrivateFile(temporaryDirectories(process.env), file, (path) => process.dlopen(module, path));
  loaded = module.exports as Addon;
  return loaded;
}

// With as many arguments as the caller gave: the native part counts them.
export const App: Addon['App'] = (...options) => addon().App(...options);
export const us_listen_socket_close: Addon['us_listen_socket_close'] = (socket) =>
  addon().us_listen_socket_close(socket);
export const us_socket_local_port: Addon['us_socket_local_port'] = (socket) =>
  addon().us_socket_local_port(socket);
