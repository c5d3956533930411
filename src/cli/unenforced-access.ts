/** Refuses a configuration that asks for access control: no endpoint enforces it yet. */
import { ConfigError, type Environment, type VariableName } from '../config/config.ts';

const UNENFORCED: readonly VariableName[] = [
  'AUTH_TOKENS_FILE',
  'AUTH_JWKS_FILE',
  'AUTH_JWKS_URL',
  'AUTH_JWT_AUDIENCE',
  'AUTH_JWT_ISSUER',
  'ALLOWED_HOSTS',
  'OPS_PORT',
];

/** @throws ConfigError for the variables that are set: an operator must not believe that the service is protected */
export function refuseUnenforcedAccess(env: Environment): void {
  const faults = UNENFORCED.filter((name) => (env[name] ?? '') !== '').map((variable) => ({
    variable,
    actual: 'set',
    expected: 'no value: this version does not enforce access control yet',
  }));
  if (faults.length > 0) throw new ConfigError(faults, []);
}
