/** The keys of an issuer in a file (AUTH_JWKS_FILE), as a JSON Web Key Set of public keys. */
import type { JSONWebKeySet } from 'jose';
import * as v from 'valibot';

const PUBLIC_KINDS = ['RSA', 'EC', 'OKP'];

const KeySet = v.object({
  keys: v.pipe(
    v.array(
      v.pipe(
        v.looseObject({ kty: v.picklist(PUBLIC_KINDS, `kty: expected one of ${PUBLIC_KINDS.join(', ')}`) }),
        v.check((key) => !('d' in key), 'expected a public key, not a private key'),
      ),
      'expected a list of keys',
    ),
    v.minLength(1, 'expected at least one key'),
  ),
});

/** @throws Error whose message names the fault, and contains no part of the file */
export function parseKeys(text: string): JSONWebKeySet {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('The file of keys is not valid JSON.');
  }
  const result = v.safeParse(KeySet, json);
  if (result.success) return result.output as JSONWebKeySet;
  const [issue] = result.issues;
  throw new Error(
    `The file of keys is not a JSON Web Key Set: ${v.getDotPath(issue) ?? ''}: ${issue.message}`,
  );
}

/** Whether every key of `old` is in `next` unchanged, so that every token that `old` verifies stays valid. */
export function containsKeys(next: JSONWebKeySet, old: JSONWebKeySet): boolean {
  const texts = new Set(next.keys.map((key) => JSON.stringify(key)));
  return old.keys.every((key) => texts.has(JSON.stringify(key)));
}
