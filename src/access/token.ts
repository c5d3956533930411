/** Bearer tokens of this service: how they are made, and how they are stored. */
import { hash, randomBytes } from 'node:crypto';

/** Shows people and secret scanners what the text is. */
export const TOKEN_PREFIX = 'rct_';

const TOKEN_BYTES = 32;

export function newToken(): string {
  return TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
}

/**
 * The SHA-256 of a token as 64 hexadecimal digits. A token is 256 random bits, so nobody can guess it from its hash, and
 * a slow password hash would add nothing.
 */
export function digestOf(token: string): string {
  return hash('sha256', token, 'hex');
}
