/** Finds the principal of an `Authorization` header: a bearer token of the tokens file, or a JWT. */
import { ServiceError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { principalOfClaims } from './claims.ts';
import { type JwtOptions, JwtVerifier } from './jwt.ts';
import { isCurrent, type Principal } from './principal.ts';
import { digestOf } from './token.ts';
import { NO_TOKENS, parseTokens, replaceTable, TokensFileError, type TokenTable } from './tokens-file.ts';
import { WatchedFile } from './watched-file.ts';

/** The value of `WWW-Authenticate` in every answer with status 401. */
export const CHALLENGE = 'Bearer';

/** Verified headers in memory. Beyond this, the oldest header is verified again at its next request. */
const MAX_VERIFIED = 10_000;

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

export interface AuthenticatorOptions {
  readonly tokensFile?: string | undefined;
  readonly jwt?: JwtOptions | undefined;
}

export interface AuthenticatorDeps {
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Receives the names of the revoked entries; empty when a key of an issuer was removed. */
export type RevocationListener = (names: readonly string[]) => void;

export class Authenticator {
  readonly #log: Logger;
  readonly #now: () => number;
  /**
   * By the whole header, so that a hit computes no hash. A `Map` compares texts only if their hashes are equal, and V8
   * seeds this hash at random in each process. So the time of a lookup does not show how much of a guess is right.
   */
  readonly #verified = new Map<string, Principal>();
  /** Requests with the same header share one verification. */
  readonly #verifying = new Map<string, Promise<Principal>>();
  readonly #listeners: RevocationListener[] = [];
  #tokens: TokenTable = NO_TOKENS;
  #tokensFile: WatchedFile | undefined;
  #jwt: JwtVerifier | undefined;

  /** @throws Error if a file cannot be read or is invalid. The service must then not start. */
  static async open(options: AuthenticatorOptions, deps: AuthenticatorDeps): Promise<Authenticator> {
    const made = new Authenticator(deps);
    if (options.tokensFile !== undefined) made.#openTokens(options.tokensFile);
    if (options.jwt !== undefined)
      made.#jwt = await JwtVerifier.open(options.jwt, deps.log, () => made.#revoked([]));
    return made;
  }

  private constructor({ log, now = Date.now }: AuthenticatorDeps) {
    this.#log = log;
    this.#now = now;
  }

  /** The principal of a header that `verify` has accepted before. Undefined if `verify` must decide. */
  lookup(header: string): Principal | undefined {
    const principal = this.#verified.get(header);
    if (principal === undefined) return undefined;
    if (isCurrent(principal, this.#now())) return principal;
    this.#verified.delete(header);
    return undefined;
  }

  /**
   * Verifies a header. `lookup` returns its principal from then on.
   * @throws ServiceError `unauthenticated`, whose answer carries `CHALLENGE`; or `identity_unavailable`
   */
  async verify(header: string): Promise<Principal> {
    const known = this.lookup(header);
    if (known !== undefined) return known;
    const open = this.#verifying.get(header);
    if (open !== undefined) return open;
    const verifying = this.#decide(header).finally(() => this.#verifying.delete(header));
    this.#verifying.set(header, verifying);
    return verifying;
  }

  /** Reads tokens and keys again, for SIGHUP. Files are read before it returns; the promise waits for the keys of a URL. */
  async reload(): Promise<void> {
    this.#tokensFile?.check();
    await this.#jwt?.reload();
  }

  /**
   * Calls the listener after a reload that revoked a principal. The owner of a socket then calls `isCurrent` for its
   * principal, and closes the socket if the answer is false. An entry whose rights changed counts as revoked.
   */
  onRevoked(listener: RevocationListener): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#tokensFile?.close();
    this.#jwt?.close();
  }

  async #decide(header: string): Promise<Principal> {
    const token = BEARER.exec(header)?.[1];
    if (token === undefined)
      throw new ServiceError('unauthenticated', 'Send the header Authorization: Bearer, with a token.');
    const principal = this.#principalOfToken(token) ?? (await this.#principalOfJwt(token));
    if (!isCurrent(principal, this.#now()))
      throw new ServiceError('unauthenticated', 'The token has expired or was revoked.');
    if (this.#verified.size >= MAX_VERIFIED) this.#verified.delete(this.#verified.keys().next().value!);
    this.#verified.set(header, principal);
    return principal;
  }

  /**
   * The map compares SHA-256 digests, not secrets. The time of a comparison can only show digits of the digest of a guess,
   * from which nobody can derive the next guess.
   */
  #principalOfToken(token: string): Principal | undefined {
    return this.#tokens.byDigest.get(digestOf(token));
  }

  async #principalOfJwt(token: string): Promise<Principal> {
    if (this.#jwt === undefined) throw new ServiceError('unauthenticated', 'The token is unknown.');
    const { payload, standing } = await this.#jwt.verify(token, this.#now());
    return principalOfClaims(payload, standing, (subject) => this.#tokens.bySubject.get(subject));
  }

  #openTokens(file: string): void {
    this.#tokensFile = new WatchedFile(file, (read) => this.#replaceTokens(file, read));
    try {
      this.#tokens = parseTokens(this.#tokensFile.initial);
    } catch (error) {
      this.#tokensFile.close();
      throw error;
    }
  }

  #replaceTokens(file: string, read: () => string): void {
    let next: TokenTable;
    try {
      next = parseTokens(read());
    } catch (error) {
      const faults = error instanceof TokensFileError ? error.faults : [(error as Error).message];
      this.#log.error({ file, faults }, 'The tokens file is invalid; the previous tokens stay in use.');
      return;
    }
    const { table, revoked } = replaceTable(this.#tokens, next);
    this.#tokens = table;
    const tokens = table.byDigest.size + table.bySubject.size;
    this.#log.info({ file, tokens, revoked }, 'The tokens file was loaded again.');
    if (revoked.length > 0) this.#revoked(revoked);
  }

  #revoked(names: readonly string[]): void {
    for (const listener of this.#listeners) listener(names);
  }
}
