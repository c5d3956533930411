/** `ratecache licenses`: prints the licenses of all software in the single binary. */
import { getAsset, isSea } from 'node:sea';

/** The name of the asset in the single binary. */
export const LICENSES = 'licenses.txt';

export function showLicenses(): void {
  if (!isSea())
    throw new Error(
      'only the single binary contains the licenses (make build); from the sources, see each package in node_modules',
    );
  process.stdout.write(getAsset(LICENSES, 'utf8'));
}
