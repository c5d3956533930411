/**
 * The tokens file (AUTH_TOKENS_FILE): who may use the service, as JSON. An entry has the SHA-256 of a bearer token, or
 * the subject of a JWT. No message of this file contains a value from it, so a log never shows a hash.
 */
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { lineOf, lineOfSyntaxError, type Path } from './json-line.ts';
import { type Principal, SCOPES } from './principal.ts';

export interface TokenTable {
  /** By the SHA-256 of the token. */
  readonly byDigest: ReadonlyMap<string, Principal>;
  /** By the `sub` claim of a JWT. */
  readonly bySubject: ReadonlyMap<string, Principal>;
}

export const NO_TOKENS: TokenTable = { byDigest: new Map(), bySubject: new Map() };

/** The file is invalid. The message lists every fault with its line and field. */
export class TokensFileError extends Error {
  override readonly name = 'TokensFileError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The tokens file has ${faults.length === 1 ? '1 error' : `${faults.length} errors`}: ${faults.join('; ')}`,
    );
    this.faults = faults;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern rejects control characters
const PREFIX = /^[^\x00-\x1f\x7f]{1,512}$/;
export const NAME = /^[A-Za-z0-9._-]{1,64}$/;

const rate = v.optional(
  v.pipe(
    v.number('expected a whole number of at least 1'),
    v.safeInteger('expected a whole number of at least 1'),
    v.minValue(1, 'expected a whole number of at least 1'),
  ),
);

const Entry = v.pipe(
  v.strictObject({
    name: v.pipe(
      v.string('expected a string'),
      v.regex(NAME, 'expected 1 to 64 letters, digits, dots, dashes or underscores'),
    ),
    sha256: v.optional(
      v.pipe(
        v.string('expected a string'),
        v.regex(
          /^[0-9a-f]{64}$/,
          'expected 64 hexadecimal digits in lower case; ratecache token hash prints them',
        ),
      ),
    ),
    subject: v.optional(v.pipe(v.string('expected a string'), v.nonEmpty('expected the sub claim of a JWT'))),
    scopes: v.pipe(
      v.array(v.picklist(SCOPES, `expected one of ${SCOPES.join(', ')}`), 'expected a list of scopes'),
      v.minLength(1, `expected at least one of ${SCOPES.join(', ')}`),
    ),
    prefixes: v.optional(
      v.array(
        v.pipe(
          v.string('expected a string'),
          v.regex(PREFIX, 'expected 1 to 512 characters; omit prefixes to allow every key'),
        ),
        'expected a list of key prefixes',
      ),
    ),
    expires: v.optional(
      v.pipe(v.string('expected a string'), v.check(isTime, 'expected a time such as 2027-01-01T00:00:00Z')),
    ),
    limits: v.optional(v.strictObject({ requestsPerSecond: rate, bytesPerSecond: rate })),
  }),
  v.check(
    ({ sha256, subject }) => (sha256 === undefined) !== (subject === undefined),
    'expected either sha256, for a bearer token, or subject, for a JWT',
  ),
);

const File = v.strictObject({ tokens: v.array(Entry, 'expected a list of tokens') });

export type TokenEntry = v.InferOutput<typeof Entry>;

/** @throws TokensFileError with all faults */
export function parseEntries(text: string): TokenEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new TokensFileError([`line ${lineOfSyntaxError(text)}: expected valid JSON`]);
  }
  const result = v.safeParse(File, json);
  const faults = result.success
    ? repeated(result.output.tokens).map(([path, what]) => fault(text, path, what))
    : result.issues.map((issue) => fault(text, pathOf(issue), wrong(issue)));
  if (!result.success || faults.length > 0) throw new TokensFileError(faults);
  return result.output.tokens;
}

/** @throws TokensFileError with all faults */
export function parseTokens(text: string): TokenTable {
  const byDigest = new Map<string, Principal>();
  const bySubject = new Map<string, Principal>();
  for (const entry of parseEntries(text)) {
    if (entry.sha256 !== undefined) byDigest.set(entry.sha256, principalOf(entry, 'token'));
    else bySubject.set(entry.subject!, principalOf(entry, 'jwt'));
  }
  return { byDigest, bySubject };
}

/**
 * Replaces a table. An entry that did not change stays the same object. Any other entry of the old table is revoked.
 * @returns the new table, and the names of the revoked entries
 */
export function replaceTable(old: TokenTable, next: TokenTable): { table: TokenTable; revoked: string[] } {
  const revoked: string[] = [];
  const replace = (before: ReadonlyMap<string, Principal>, after: ReadonlyMap<string, Principal>) => {
    const merged = new Map(after);
    for (const [id, principal] of before) {
      if (isDeepStrictEqual(after.get(id), principal)) {
        merged.set(id, principal);
        continue;
      }
      for (const standing of principal.standings) standing.revoked = true;
      revoked.push(principal.name);
    }
    return merged;
  };
  const table = {
    byDigest: replace(old.byDigest, next.byDigest),
    bySubject: replace(old.bySubject, next.bySubject),
  };
  return { table, revoked };
}

/** Whether the text is a time with its zone, as in RFC 3339. */
export function isTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}

export function expiryOf({ expires }: TokenEntry): number {
  return expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires);
}

function principalOf(entry: TokenEntry, via: Principal['via']): Principal {
  const { name, scopes, prefixes, limits } = entry;
  return {
    name,
    via,
    scopes: new Set(scopes),
    prefixes,
    expiresAt: expiryOf(entry),
    limits,
    standings: [{ revoked: false }],
  };
}

/** Two entries with the same name, token or subject: one of them would have no effect, or a revocation would miss one. */
function repeated(tokens: readonly TokenEntry[]): [path: Path, what: string][] {
  const found: [Path, string][] = [];
  for (const field of ['name', 'sha256', 'subject'] as const) {
    const seen = new Map<string, number>();
    tokens.forEach((entry, index) => {
      const value = entry[field];
      if (value === undefined) return;
      const first = seen.get(value);
      if (first === undefined) seen.set(value, index);
      else found.push([['tokens', index, field], `expected a value that tokens[${first}] does not have`]);
    });
  }
  return found;
}

function fault(text: string, path: Path, what: string): string {
  const field = path.map((step, i) =>
    typeof step === 'number' ? `[${step}]` : `${i === 0 ? '' : '.'}${shown(step)}`,
  );
  return [`line ${lineOf(text, path)}`, ...(field.length === 0 ? [] : [field.join('')]), what].join(': ');
}

/** A long name of an unknown member may be a hash in the wrong place. */
function shown(member: string): string {
  return member.length > 32 ? '(long name)' : member;
}

function pathOf(issue: v.BaseIssue<unknown>): Path {
  return (issue.path ?? []).map(({ key }) => key as string | number);
}

function wrong(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'strict_object') return issue.message;
  if (issue.expected === 'never') return 'unknown member';
  return issue.received === 'undefined' ? 'is missing' : 'expected an object';
}
