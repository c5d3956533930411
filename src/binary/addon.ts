/**
 * Replaces the package uWebSockets.js in the single binary. It exports the same functions, from the native part that
 * is an asset of the binary. The asset is written to a file first, because the system loads libraries from files
 * only.
 */

import type * as uws from 'uWebSockets.js';
import { getRawAsset } from 'node:sea';
import { BUILD } from '../build-info.ts';
import { loadFromPrivateFile, temporaryDirectories } from './private-file.ts';

/** The name of the asset, and of the file. */
export const ADDON = 'uws.node';

type Addon = Pick<typeof uws, 'App' | 'us_listen_socket_close' | 'us_socket_local_port'>;

let loaded: Addon | undefined;

/** Loads the native part on first use, because the start-up snapshot of the program cannot contain it. */
function addon(): Addon {
  if (loaded !== undefined) return loaded;
  const module: { exports: Partial<Addon> } = { exports: {} };
  const file = { name: ADDON, bytes: new Uint8Array(getRawAsset(ADDON)), sha256: BUILD!.addonSha256 };
  loadFromPrivateFile(temporaryDirectories(process.env), file, (path) => process.dlopen(module, path));
  loaded = module.exports as Addon;
  return loaded;
}

// Passes on exactly the arguments of the caller, because the native part counts them.
export const App: Addon['App'] = (...options) => addon().App(...options);
export const us_listen_socket_close: Addon['us_listen_socket_close'] = (socket) =>
  addon().us_listen_socket_close(socket);
export const us_socket_local_port: Addon['us_socket_local_port'] = (socket) =>
  addon().us_socket_local_port(socket);
