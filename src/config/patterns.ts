/** Patterns of text variables. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects control characters
export const PRINTABLE = /^[^\x00-\x1f\x7f]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects control characters
export const NO_GLOB = /^[^*?[\]\\\x00-\x1f\x7f]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects control characters
export const FILE_PATH = /^[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects control characters
export const ABSOLUTE_PATH = /^\/[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]$/;
/** A name, an IPv4 address, or an IPv6 address. An IPv6 address has at least two colons, so `host:port` fails. */
export const HOST_NAME = /^([A-Za-z0-9_.-]+|[0-9a-fA-F]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*(%[\w.-]+)?)$/;
export const HOST_EXPECTED = 'a host name or an IP address, without scheme, brackets or port';

/** `host:port`; an IPv6 address is in brackets. */
const HOST_AND_PORT =
  '([A-Za-z0-9_.-]+|\\[[0-9a-fA-F:.]+\\])' +
  ':([1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])';
export const HOST_AND_PORTS = new RegExp(`^${HOST_AND_PORT}(,${HOST_AND_PORT})*$`);
export const HOST_AND_PORT_PAIRS = new RegExp(
  `^${HOST_AND_PORT}=${HOST_AND_PORT}(,${HOST_AND_PORT}=${HOST_AND_PORT})*$`,
);

/** `*`, or a list of origins: scheme and host without a path. */
export const ORIGINS = /^(\*|https?:\/\/[^\s,/]+(,https?:\/\/[^\s,/]+)*)$/;

/** Whether programs of other machines cannot connect to a service that listens on this host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
