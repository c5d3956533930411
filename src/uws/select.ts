/** Selects the addon: the operator's file, or the newest package that runs on this machine. */
import { loadPackage } from './installed.ts';
import { loadFile } from './load-file.ts';
import {
  ADDON_PACKAGES,
  type Addon,
  type AddonPackage,
  addonFileName,
  CannotRunHere,
  type LoadedFile,
} from './packages.ts';

/** The identity of the loaded addon, for operators. */
export interface AddonReport {
  /** The version of uWebSockets.js; `unknown` for the operator's file, because the addon does not contain it. */
  readonly version: string;
  /** Name and version of the npm package; `UWS_ADDON` for the operator's file. */
  readonly package: string;
  /** SHA-256 of the addon's file, in hexadecimal. */
  readonly sha256: string;
}

interface SelectedAddon {
  readonly addon: Addon;
  readonly report: AddonReport;
  /** The faults of the addon, and what to do. Undefined if it has none. */
  readonly warning: string | undefined;
}

/** The operator's file cannot be used. */
class AddonFileError extends Error {
  /** EX_CONFIG of sysexits.h, like an invalid configuration. */
  readonly exitCode = 78;
}

let selected: SelectedAddon | undefined;

/**
 * The addon of this process. The first call loads it. The start-up snapshot of the single binary cannot contain it.
 * @param file the operator's file. Subcommands without a configuration take it from the environment.
 * @throws AddonFileError if the operator's file does not load: no other addon replaces it
 */
export function selectAddon(file = process.env.UWS_ADDON || undefined): SelectedAddon {
  selected ??= file === undefined ? newest(ADDON_PACKAGES, loadPackage) : fromFile(file);
  return selected;
}

function fromFile(file: string): SelectedAddon {
  try {
    const { addon, sha256 } = loadFile(file);
    return { addon, report: { version: 'unknown', package: 'UWS_ADDON', sha256 }, warning: undefined };
  } catch (error) {
    throw new AddonFileError(
      `UWS_ADDON: ${file} cannot be loaded: ${(error as Error).message}. ` +
        `Set it to ${addonFileName()} from a release of uWebSockets.js, or leave it unset.`,
    );
  }
}

/** Loads the first package that runs here. */
export function newest(
  packages: readonly AddonPackage[],
  load: (from: AddonPackage) => LoadedFile,
): SelectedAddon {
  const reasons: string[] = [];
  for (const each of packages) {
    try {
      const { addon, sha256 } = load(each);
      const report = { version: each.version, package: each.package, sha256 };
      return { addon, report, warning: each.faults && warningOf(each, reasons) };
    } catch (error) {
      if (!(error instanceof CannotRunHere)) throw error;
      reasons.push(`${each.package} was not loaded: ${error.message}`);
    }
  }
  throw new Error(`uWebSockets.js has no addon that runs here. ${reasons.join('. ')}.`);
}

function warningOf({ package: name, faults }: AddonPackage, reasons: readonly string[]): string {
  return [
    `the addon of ${name} has known faults: ${faults}`,
    ...reasons,
    'Use a system with glibc 2.38 or newer, or set UWS_ADDON; see docs/security.md',
  ].join('. ');
}
