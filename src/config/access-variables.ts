/** The variables of access control. docs/security/access.md explains them. */
import { boolean, integer, text } from './kinds.ts';
import { FILE_PATH, PRINTABLE } from './patterns.ts';

/** Host names or addresses; IPv6 in brackets, as in a Host header. */
const HOSTS = /^(?!,)(,?([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\]))+$/;
/** Without a user name or password. Without TLS, another host could replace the keys. */
const KEYS_URL = /^(https:\/\/[^\s@]+|http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(\/[^\s@]*)?)$/;

export const ACCESS_VARIABLES = {
  AUTH_TOKENS_FILE: text({
    group: 'access',
    pattern: FILE_PATH,
    expected: 'the path of a file, without control characters and without / at its end',
    doc: 'File of bearer tokens and subjects with their rights; it is loaded again when it changes.',
  }),
  AUTH_JWKS_FILE: text({
    group: 'access',
    pattern: FILE_PATH,
    expected: 'the path of a file, without control characters and without / at its end',
    doc: 'File with the public keys of the issuer of JWTs, as a JSON Web Key Set; it is loaded again when it changes.',
  }),
  AUTH_JWKS_URL: text({
    group: 'access',
    pattern: KEYS_URL,
    expected: 'an https URL without user name and password; http is for the loopback address only',
    doc: 'URL of the public keys of the issuer of JWTs; only one of AUTH_JWKS_FILE and AUTH_JWKS_URL may be set.',
  }),
  AUTH_JWT_AUDIENCE: text({
    group: 'access',
    pattern: PRINTABLE,
    expected: 'an audience without control characters',
    doc: 'Audience that a JWT must name; required with AUTH_JWKS_FILE and AUTH_JWKS_URL.',
  }),
  AUTH_JWT_ISSUER: text({
    group: 'access',
    pattern: PRINTABLE,
    expected: 'an issuer without control characters',
    doc: 'Issuer that a JWT must name; required with AUTH_JWKS_FILE and AUTH_JWKS_URL.',
  }),
  AUDIT_WRITES: boolean({
    group: 'access',
    default: false,
    doc: 'Log an audit line for every write, in addition to admin operations and refused requests.',
  }),
  INSECURE_OPEN: boolean({
    group: 'access',
    default: false,
    doc: 'Allow the service to listen on other addresses than loopback without tokens.',
  }),
  ALLOWED_HOSTS: text({
    group: 'access',
    pattern: HOSTS,
    expected:
      'host names or addresses without ports, such as rates.example.com,10.0.0.7, separated by commas',
    doc: 'Hosts that a Host header may name in a service without tokens, besides addresses and localhost; this prevents DNS rebinding.',
  }),
  OPS_PORT: integer({
    group: 'access',
    within: [0, 65_535],
    note: '0 selects a free port',
    doc: 'Port for /health, /livez, /readyz, /metrics and /stats on their own listener; unset serves them on PORT.',
  }),
};
