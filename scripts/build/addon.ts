import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { installedPath } from '../../src/uws/installed.ts';
import { ADDON_PACKAGES, addonFileName } from '../../src/uws/packages.ts';

export interface AddonAsset {
  /** The name of the asset. */
  readonly asset: string;
  readonly path: string;
  readonly sha256: string;
}

/** The addon of each package for this system and this Node. */
export function addons(): AddonAsset[] {
  return ADDON_PACKAGES.map((each) => {
    const path = installedPath(each);
    if (!existsSync(path))
      throw new Error(
        `${each.package} has no ${addonFileName()}: it does not support this system with this Node`,
      );
    return { asset: each.asset, path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') };
  });
}
