/** Verifies JWTs with the keys of their issuer, through `jose`. */
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { ServiceError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { CLOCK_TOLERANCE_SECONDS } from './claims.ts';
import { containsKeys, parseKeys } from './keys-file.ts';
import type { Standing } from './principal.ts';
import { WatchedFile } from './watched-file.ts';

/** Asymmetric only: with a shared secret, everyone who can verify a token could also make one. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** Errors of `jose` that concern the keys, not the token. */
const KEY_FAULTS = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

export interface JwtOptions {
  /** The path of a file, or a URL. */
  readonly keys: { readonly file: string } | { readonly url: string };
  readonly audience: string;
  readonly issuer: string;
}

interface Keys {
  readonly get: JWTVerifyGetKey;
  /** Revoked when a key is removed. Tokens must then be verified again. */
  readonly standing: Standing;
}

export class JwtVerifier {
  readonly #jose: typeof import('jose');
  readonly #options: JwtOptions;
  readonly #log: Logger;
  readonly #refresh: () => void | Promise<void>;
  readonly #file: WatchedFile | undefined;
  #keys: Keys;
  #failing = false;

  /**
   * @param onRevoked is called when a key was removed
   * @throws Error if the file of keys cannot be read or is invalid. A URL is first requested for the first token.
   */
  static async open(options: JwtOptions, log: Logger, onRevoked: () => void): Promise<JwtVerifier> {
    // Only a service with keys loads jose.
    return new JwtVerifier(await import('jose'), options, log, onRevoked);
  }

  private constructor(jose: typeof import('jose'), options: JwtOptions, log: Logger, onRevoked: () => void) {
    this.#jose = jose;
    this.#options = options;
    this.#log = log;
    const standing = { revoked: false };
    if ('url' in options.keys) {
      // jose fetches the keys again for a token with an unknown key id, at most every 30 s, and after 10 minutes.
      const remote = jose.createRemoteJWKSet(new URL(options.keys.url));
      this.#keys = { get: remote, standing };
      this.#refresh = () => remote.reload().catch((error) => this.#keysFailed(error));
      return;
    }
    const { file } = options.keys;
    const watched = new WatchedFile(file, (read) => {
      try {
        const next = parseKeys(read());
        const removed = !containsKeys(next, current);
        current = next;
        if (removed) this.#keys.standing.revoked = true;
        this.#keys = {
          get: jose.createLocalJWKSet(next),
          standing: removed ? { revoked: false } : this.#keys.standing,
        };
        log.info({ file, keys: next.keys.length }, 'The keys for JWTs were loaded again.');
        if (removed) onRevoked();
      } catch (error) {
        const { message } = error as Error;
        log.error({ file, fault: message }, 'The file of keys is invalid; the previous keys stay in use.');
      }
    });
    let current = parseKeys(watched.initial);
    this.#keys = { get: jose.createLocalJWKSet(current), standing };
    this.#file = watched;
    this.#refresh = () => watched.check();
  }

  /**
   * @returns the claims, whose issuer, audience, expiry and signature are right, and the standing of the keys
   * @throws ServiceError `unauthenticated`, or `identity_unavailable` if the keys cannot be used
   */
  async verify(token: string, now: number): Promise<{ payload: JWTPayload; standing: Standing }> {
    const { get, standing } = this.#keys;
    const { audience, issuer } = this.#options;
    try {
      const { payload } = await this.#jose.jwtVerify(token, get, {
        algorithms: ALGORITHMS,
        audience,
        issuer,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(now),
        requiredClaims: ['exp', 'sub'],
      });
      this.#keysWork();
      return { payload, standing };
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /** Reads the keys again: from the file if it changed, or from the URL. */
  async reload(): Promise<void> {
    await this.#refresh();
  }

  close(): void {
    this.#file?.close();
  }

  #refusal(error: unknown): ServiceError {
    const { JOSEError, JWTExpired, JWTClaimValidationFailed } = this.#jose.errors;
    if (!(error instanceof JOSEError) || KEY_FAULTS.has(error.code)) {
      this.#keysFailed(error);
      return new ServiceError('identity_unavailable', 'The keys that verify tokens are unavailable.');
    }
    if (error instanceof JWTExpired) return new ServiceError('unauthenticated', 'The token has expired.');
    if (error instanceof JWTClaimValidationFailed)
      return new ServiceError(
        'unauthenticated',
        `The claim ${error.claim} of the token is missing or not accepted here.`,
      );
    return new ServiceError('unauthenticated', 'The token is not a JWT that the keys of the issuer verify.');
  }

  #keysFailed(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    const { message, cause } = error as Error;
    const fault = cause instanceof Error ? `${message}: ${cause.message}` : message;
    this.#log.error({ fault }, 'The keys for JWTs are unavailable; new JWTs are answered with 503.');
  }

  #keysWork(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#log.info('The keys for JWTs are available again.');
  }
}
