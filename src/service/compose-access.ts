/** Builds access control, and reports who may use the service. */
import type { Access } from '../access/access.ts';
import { Audit } from '../access/audit.ts';
import { Authenticator, type AuthenticatorOptions } from '../access/authenticator.ts';
import { type Config, EXIT_CONFIG, isLoopback } from '../config/config.ts';
import type { Logger } from '../log.ts';

/** @throws Error with EXIT_CONFIG if a file of tokens or keys cannot be read or is invalid */
export async function composeAccess({ access }: Config, log: Logger): Promise<Omit<Access, 'rates'>> {
  const { tokensFile, jwt, auditWrites, allowedHosts } = access;
  const open = tokensFile === undefined && jwt === undefined;
  return {
    authenticator: open ? undefined : await openAuthenticator({ tokensFile, jwt }, log),
    audit: new Audit(log, { writes: auditWrites }),
    allowedHosts,
  };
}

/** The files cannot be used. */
class AccessFileError extends Error {
  readonly exitCode = EXIT_CONFIG;
}

async function openAuthenticator(options: AuthenticatorOptions, log: Logger): Promise<Authenticator> {
  try {
    return await Authenticator.open(options, { log });
  } catch (error) {
    const { message } = error as Error;
    throw new AccessFileError(`AUTH_TOKENS_FILE or AUTH_JWKS_FILE cannot be used: ${message}`);
  }
}

/** Without tokens, one line says who can use the service. */
export function logWhoMayUse({ access, http: { host } }: Config, log: Logger): void {
  if (access.tokensFile !== undefined || access.jwt !== undefined) return;
  if (isLoopback(host))
    log.info({ host }, 'no tokens are configured: only programs on this machine can use the service');
  else
    log.warn(
      { host },
      'INSECURE_OPEN: everyone who can connect may read, write and delete. Configure AUTH_TOKENS_FILE or a JWKS',
    );
}

/** Returns what SIGHUP does with tokens and keys: it loads them again. The promise waits until they are in use. */
export function reloadOnHangup(
  { authenticator }: Pick<Access, 'authenticator'>,
  log: Logger,
): () => Promise<void> {
  return async () => {
    if (authenticator === undefined) return;
    log.info('SIGHUP: tokens and keys are read again');
    await authenticator.reload();
  };
}
