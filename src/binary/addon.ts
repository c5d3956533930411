/**
 * The addons that are assets of the single binary. The build puts this module in the place of uws/installed.ts. An
 * asset is written to a file first, because the system loads libraries from files only.
 */
import { getRawAsset } from 'node:sea';
import { BUILD } from '../build-info.ts';
import {
  type Addon,
  type AddonPackage,
  CannotRunHere,
  type LoadedFile,
  missingGlibc,
} from '../uws/packages.ts';
import { lacksGlibc } from './glibc.ts';
import { loadFromPrivateFile, temporaryDirectories } from './private-file.ts';

/**
 * Loads the addon of a package.
 * @throws CannotRunHere if the addon needs a newer glibc
 * @throws CannotUnpack if no directory can be used
 */
export function loadPackage({ asset, glibc }: AddonPackage): LoadedFile {
  // To write the file and to have it refused would take a tenth of the start.
  if (glibc !== undefined && lacksGlibc(glibc)) throw new CannotRunHere(`it needs glibc ${glibc}`);
  const sha256 = BUILD!.addons[asset]!;
  const module: { exports: Partial<Addon> } = { exports: {} };
  let missing: string | undefined;
  const file = { name: asset, bytes: new Uint8Array(getRawAsset(asset)), sha256 };
  loadFromPrivateFile(temporaryDirectories(process.env), file, (path) => {
    try {
      process.dlopen(module, path);
    } catch (error) {
      missing = missingGlibc(error as Error);
      // Any other reason is one of this directory.
      if (missing === undefined) throw error;
    }
  });
  if (missing !== undefined) throw new CannotRunHere(`it needs glibc ${missing}`);
  return { addon: module.exports as Addon, sha256 };
}
