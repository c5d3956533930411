/** The addons in node_modules. The build of the single binary replaces this module by binary/addon.ts. */
import { loadFile } from './load-file.ts';
import {
  type AddonPackage,
  addonFileName,
  CannotRunHere,
  type LoadedFile,
  missingGlibc,
} from './packages.ts';

/**
 * Loads the addon of a package.
 * @throws CannotRunHere if the package is not installed, or if its addon does not load
 */
export function loadPackage(from: AddonPackage): LoadedFile {
  try {
    return loadFile(installedPath(from));
  } catch (error) {
    throw new CannotRunHere(reasonOf(error as NodeJS.ErrnoException));
  }
}

/** The path of the package's addon for this platform and this Node. The file may be missing. */
export function installedPath({ installedAs, folder }: AddonPackage): string {
  return new URL(`${folder}${addonFileName()}`, import.meta.resolve(installedAs)).pathname;
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ERR_MODULE_NOT_FOUND') return 'it is not installed';
  if (error.code === 'ENOENT') return `it has no ${addonFileName()}`;
  const glibc = missingGlibc(error);
  return glibc === undefined ? error.message : `it needs glibc ${glibc}`;
}
