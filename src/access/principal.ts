/**
 * Who sends a request, and what this principal may do. The functions are pure and synchronous. On the hot path a request
 * costs one set lookup and one `startsWith` for each prefix.
 */
import type { Match } from '../cache/match.ts';
import { OTHER, TYPES, type TypeIndex } from '../key.ts';

/**
 * `read` covers values, keys and subscriptions. `write` covers the storing and deletion of values. `admin` covers
 * operations such as flush, cleanup, warm-up and marks. No scope includes another: an administrator who must read values
 * needs `read` too.
 */
export type Scope = 'read' | 'write' | 'admin';

export const SCOPES = ['read', 'write', 'admin'] as const satisfies readonly Scope[];

/** An undefined member sets no limit for this principal. */
export interface Limits {
  readonly requestsPerSecond?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
}

/** The source of a right: an entry of the tokens file, or the keys of an issuer. A reload revokes it, and nothing undoes that. */
export interface Standing {
  revoked: boolean;
}

export interface Principal {
  readonly name: string;
  /** The proof: a token of the tokens file, or a JWT. A name is unique only together with it. */
  readonly via: 'token' | 'jwt';
  readonly scopes: ReadonlySet<Scope>;
  /** The first characters of the keys that the principal may use. Undefined allows every key, `[]` allows no key. */
  readonly prefixes: readonly string[] | undefined;
  /** Milliseconds since 1970. Infinity never expires. */
  readonly expiresAt: number;
  readonly limits: Limits | undefined;
  /** The principal is revoked when one of its sources is. */
  readonly standings: readonly Standing[];
}

/** Whether the principal has neither expired nor been revoked. A socket must be closed when this becomes false. */
export function isCurrent(principal: Principal, now: number): boolean {
  if (principal.expiresAt <= now) return false;
  for (const standing of principal.standings) if (standing.revoked) return false;
  return true;
}

/** A name that is unique among all principals. */
export function nameOfClient(principal: Principal | undefined): string | undefined {
  return principal && `${principal.via}:${principal.name}`;
}

export function allowsKey({ prefixes }: Principal, key: string): boolean {
  if (prefixes === undefined) return true;
  for (const prefix of prefixes) if (key.startsWith(prefix)) return true;
  return false;
}

/** Whether the principal may use every key with this prefix, for subscriptions by prefix and listings. */
export function allowsPrefix(principal: Principal, prefix: string): boolean {
  // Every key that starts with `prefix` starts with an allowed prefix exactly if `prefix` itself does.
  return allowsKey(principal, prefix);
}

/** Whether the principal may use every key of a type. `other` has no common prefix, so it needs the right to every key. */
export function allowsType(principal: Principal, type: TypeIndex): boolean {
  return type === OTHER ? principal.prefixes === undefined : allowsPrefix(principal, `${TYPES[type]}:`);
}

/** Whether the principal may use every key that the glob can match: its literal head must lie within an allowed prefix. */
export function allowsPattern(principal: Principal, pattern: string): boolean {
  return allowsPrefix(principal, literalHead(pattern));
}

export function allowsMatch(principal: Principal, match: Match): boolean {
  return 'type' in match ? allowsType(principal, match.type) : allowsPattern(principal, match.pattern);
}

/** Whether a match can cover a key that the principal may use. A principal learns nothing of other matches. */
export function concerns({ prefixes }: Principal, match: Match): boolean {
  if (prefixes === undefined) return true;
  if ('type' in match && match.type === OTHER) return prefixes.length > 0;
  const head = 'type' in match ? `${TYPES[match.type]}:` : literalHead(match.pattern);
  return prefixes.some((prefix) => head.startsWith(prefix) || prefix.startsWith(head));
}

/** The text before the first `*`, `?` or `[` of a Redis glob, with escapes removed. */
function literalHead(pattern: string): string {
  let head = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === '*' || character === '?' || character === '[') break;
    // A backslash at the end of the pattern stands for itself, as in Redis.
    if (character === '\\' && i + 1 < pattern.length) i++;
    head += pattern[i];
  }
  return head;
}
