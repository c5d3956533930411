/** The npm packages with an addon of uWebSockets.js, newest first. Its author publishes none of them. */
import type * as uws from 'uWebSockets.js';

/** What the service uses of the addon. */
export type Addon = Pick<typeof uws, 'App' | 'SSLApp' | 'us_listen_socket_close' | 'us_socket_local_port'>;

export interface AddonPackage {
  /** The name under which the package is installed. */
  readonly installedAs: string;
  /** The package as npm knows it: name and version. */
  readonly package: string;
  /** The version of uWebSockets.js. */
  readonly version: string;
  /** The folder with the addons, relative to the entry point of the package. */
  readonly folder: string;
  /** The name of the addon's asset in the single binary. */
  readonly asset: string;
  /** The version of glibc that the addon needs, if it is newer than what Node needs. */
  readonly glibc?: string;
  /** The known faults of the addon, for operators. Undefined if it has none. */
  readonly faults: string | undefined;
}

export const ADDON_PACKAGES: readonly AddonPackage[] = [
  {
    installedAs: '@btc-vision/uwebsockets.js',
    package: '@btc-vision/uwebsockets.js@20.57.0',
    version: '20.57.0',
    folder: './',
    asset: 'uws-20.57.0.node',
    glibc: '2.38',
    faults: undefined,
  },
  {
    installedAs: 'uWebSockets.js',
    package: 'uws-pack@20.0.8',
    // The package does not name the release of uWebSockets.js that it contains.
    version: '20',
    folder: './bin/',
    asset: 'uws-20.node',
    faults:
      'its HTTP parser answers 505 and closes when TCP splits a request line at certain bytes; it leaves some ' +
      'malformed requests without an answer until it closes the connection; it accepts a read with two Host lines; ' +
      'it closes idle connections after about 10 s, whatever HTTP_IDLE_TIMEOUT_SECONDS is',
  },
];

/** An addon with the SHA-256 of its file. */
export interface LoadedFile {
  readonly addon: Addon;
  readonly sha256: string;
}

/** The addon of a package cannot run on this machine, so another package may be tried. The message is the reason. */
export class CannotRunHere extends Error {}

/** The version of glibc that a library needs and this machine lacks, by the message of the loader; else undefined. */
export function missingGlibc({ message }: Error): string | undefined {
  return /version `GLIBC_([\d.]+)' not found/.exec(message)?.[1];
}

/** The name of the addon's file for this platform and this Node, in the packages and in the author's releases. */
export function addonFileName(): string {
  const { platform, arch, versions } = process;
  return `uws_${platform}_${arch}_${versions.modules}.node`;
}
