import { ADDON_PACKAGES } from '../../src/uws/packages.ts';

/** The parts of the binary that are not npm packages. */
export interface NativePart {
  readonly name: string;
  /** Undefined if it is unknown. */
  readonly version?: string;
  /** SPDX expression. */
  readonly license: string;
  readonly url: string;
  /** The file in licenses/ with the text of the license. */
  readonly file: string;
}

const WEBSOCKETS = { license: 'Apache-2.0', file: 'uWebSockets.txt' };
const QUIC = { license: 'MIT', file: 'lsquic.txt' };

/** All parts except Node are in the addons of uWebSockets.js. These do not report the versions of their parts. */
export const NATIVE_PARTS: readonly NativePart[] = [
  {
    name: 'node',
    version: process.versions.node,
    license: 'MIT',
    url: 'https://nodejs.org',
    // The file of this version, because it lists the parts of Node. npm comes with Node, but is not in the binary.
    file: `node-${process.version}.txt`,
  },
  { name: 'uWebSockets.js', url: 'https://github.com/uNetworking/uWebSockets.js', ...WEBSOCKETS },
  // An optional package, which the lists of the required packages do not contain.
  {
    name: '@btc-vision/uwebsockets.js',
    version: ADDON_PACKAGES.find(({ installedAs }) => installedAs === '@btc-vision/uwebsockets.js')!.version,
    url: 'https://github.com/btc-vision/uWebSockets.js',
    ...WEBSOCKETS,
  },
  { name: 'uWebSockets', url: 'https://github.com/uNetworking/uWebSockets', ...WEBSOCKETS },
  { name: 'uSockets', url: 'https://github.com/uNetworking/uSockets', ...WEBSOCKETS },
  { name: 'lsquic', url: 'https://github.com/litespeedtech/lsquic', ...QUIC },
  { name: 'ls-qpack', url: 'https://github.com/litespeedtech/ls-qpack', ...QUIC },
  { name: 'ls-hpack', url: 'https://github.com/litespeedtech/ls-hpack', ...QUIC },
  {
    name: 'BoringSSL',
    license: 'OpenSSL AND ISC AND MIT',
    url: 'https://boringssl.googlesource.com/boringssl',
    file: 'BoringSSL.txt',
  },
  { name: 'xxHash', license: 'BSD-2-Clause', url: 'https://github.com/Cyan4973/xxHash', file: 'xxHash.txt' },
];
