/** The token that subcommands send to a service. It is never an argument, because other users can read arguments. */
import { readFileSync } from 'node:fs';
import { EXIT_USAGE, Failure } from './exits.ts';

/** Visible ASCII characters, so that the token fits in a header. */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * Returns the token of the file, or else the one in RATECACHE_TOKEN; undefined without either.
 * @throws Failure without the token in its message
 */
export function serviceToken(
  file: string | undefined,
  { RATECACHE_TOKEN }: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (file === undefined && (RATECACHE_TOKEN ?? '') === '') return undefined;
  const token = (file === undefined ? RATECACHE_TOKEN! : readFileSync(file, 'utf8')).trim();
  if (TOKEN.test(token)) return token;
  const source = file ?? 'RATECACHE_TOKEN';
  throw new Failure(`${source} contains no token: expected one line of visible ASCII characters`, EXIT_USAGE);
}

/** The header with the token; no header without a token. */
export function authorization(token: string | undefined): { readonly authorization?: string } {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
