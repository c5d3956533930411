/** TLS to Redis and to Sentinels. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export interface TlsFiles {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Undefined to expect the host of the connection. */
  readonly servername: string | undefined;
}

/**
 * Returns the options of Node for a connection to `host`. It reads the files, so that renewed certificates need no
 * restart.
 * @throws where a file cannot be read
 */
export function tlsOptions(
  { caFile, certFile, keyFile, servername }: TlsFiles,
  host: string,
): ConnectionOptions {
  // Node sends SNI only if `servername` is set. SNI cannot name an address; Node then verifies the address itself.
  const name = servername ?? (isIP(host) === 0 ? host : undefined);
  return {
    ...(name === undefined ? {} : { servername: name }),
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
}

export const NO_TLS = 'the server does not speak TLS on this port: correct the port, or unset REDIS_TLS';

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Returns what a TLS error means and what to do, or undefined for other errors. */
export function describeTlsFault({ code = '', message }: Error & { code?: string }): string | undefined {
  if (UNTRUSTED.has(code))
    return `the certificate of Redis is not trusted (${message}): set REDIS_TLS_CA_FILE to the certificate of its authority`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of Redis has another name (${message}): set REDIS_TLS_SERVERNAME to a name in it`;
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate of Redis has expired: renew it';
  if (code === 'CERT_NOT_YET_VALID') return 'the certificate of Redis is not valid yet: check the clocks';
  if (/certificate.required|handshake.failure/i.test(code))
    return `Redis requires another certificate of this client (${code}): check REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') return NO_TLS;
  return undefined;
}
