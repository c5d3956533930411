/** The rights that the claims of a verified JWT give. */
import * as v from 'valibot';
import { ServiceError } from '../errors.ts';
import { type Principal, SCOPES, type Scope, type Standing } from './principal.ts';

/** How far the clock of the issuer may be ahead of or behind ours. */
export const CLOCK_TOLERANCE_SECONDS = 5;

const scopes = v.optional(v.array(v.picklist(SCOPES)));
const prefixes = v.optional(v.array(v.pipe(v.string(), v.nonEmpty())));

const Claims = v.object({
  sub: v.pipe(v.string(), v.nonEmpty()),
  exp: v.number(),
  /** A list of words; other services may define more. */
  scope: v.optional(v.string()),
  'ratecache.scopes': scopes,
  'ratecache.prefixes': prefixes,
  /** Some issuers write a dotted claim as a nested object. */
  ratecache: v.optional(v.object({ scopes, prefixes })),
});

/**
 * Returns the principal of a JWT whose signature, issuer, audience and times are verified.
 *
 * @param mapped the entry of the tokens file for the subject; its rights then replace those of the claims
 * @throws ServiceError `unauthenticated` if a claim is malformed: a wrong `ratecache.prefixes` must never allow every key
 */
export function principalOfClaims(
  payload: unknown,
  keys: Standing,
  mapped: (subject: string) => Principal | undefined,
): Principal {
  const result = v.safeParse(Claims, payload);
  if (!result.success) {
    const claim = v.getDotPath(result.issues[0]) ?? 'sub';
    throw new ServiceError('unauthenticated', `The claim ${claim} of the token is missing or malformed.`);
  }
  const claims = result.output;
  const expiresAt = (claims.exp + CLOCK_TOLERANCE_SECONDS) * 1000;
  const entry = mapped(claims.sub);
  if (entry !== undefined) {
    return {
      ...entry,
      expiresAt: Math.min(entry.expiresAt, expiresAt),
      standings: [...entry.standings, keys],
    };
  }
  const own = claims['ratecache.scopes'] ?? claims.ratecache?.scopes;
  return {
    name: claims.sub,
    via: 'jwt',
    scopes: new Set(own ?? knownScopes(claims.scope)),
    prefixes: claims['ratecache.prefixes'] ?? claims.ratecache?.prefixes,
    expiresAt,
    limits: undefined,
    standings: [keys],
  };
}

function knownScopes(scope = ''): Scope[] {
  const words = new Set(scope.split(' '));
  return SCOPES.filter((each) => words.has(each));
}
