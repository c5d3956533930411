/** The variables of TLS. docs/security/tls.md explains them. */
import { text } from './kinds.ts';
import { FILE_PATH } from './patterns.ts';

const PATH_EXPECTED = 'the path of a file, without control characters and without / at its end';
/** Names of OpenSSL, with the operators of its lists. */
const CIPHERS = /^[A-Za-z0-9:_!+@=-]+$/;

export const TLS_VARIABLES = {
  TLS_CERT_FILE: text({
    group: 'tls',
    pattern: FILE_PATH,
    expected: PATH_EXPECTED,
    doc: 'Certificate of the service with its chain, in PEM; PORT then serves HTTPS and WSS only. It is loaded again when it changes.',
  }),
  TLS_KEY_FILE: text({
    group: 'tls',
    pattern: FILE_PATH,
    expected: PATH_EXPECTED,
    doc: 'Private key of TLS_CERT_FILE, in PEM and not encrypted.',
  }),
  TLS_CA_FILE: text({
    group: 'tls',
    pattern: FILE_PATH,
    expected: PATH_EXPECTED,
    doc: 'Authorities of client certificates, in PEM; each client of PORT must then present one. Unset asks for none.',
  }),
  TLS_CIPHERS: text({
    group: 'tls',
    pattern: CIPHERS,
    expected: 'names of cipher suites of OpenSSL, separated by colons',
    doc: 'Cipher suites of TLS 1.2; unset uses those of the addon. Those of TLS 1.3 are fixed.',
  }),
};
