/** `ratecache licenses`: the licenses of all that the single binary is made of. */
import { getAsset, isSea } from 'node:sea';

/** The name of the asset. */
export const LICENSES = 'licenses.txt';

export function showLicenses(): void {
  if (!isSea())
    throw new Error(
      'the licenses are gathered when the single binary is built (make build); here, each package in node_modules has its own',
    );
  process.stdout.write(getAsset(LICENSES, 'utf8'));
}
