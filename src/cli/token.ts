/** `ratecache token`: creates tokens, and shows what a tokens file contains. */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { addEntry } from '../access/add-entry.ts';
import type { Scope } from '../access/principal.ts';
import { digestOf, newToken } from '../access/token.ts';
import { expiryOf, parseEntries, type TokenEntry } from '../access/tokens-file.ts';
import { Failure } from './exits.ts';

export interface TokenFlags {
  readonly name?: string;
  readonly scope?: Scope[];
  readonly prefix?: string[];
  /** A time in the format of the tokens file, or `never`. */
  readonly expires: string;
  readonly file?: string;
  readonly json?: boolean;
}

export async function runToken(action: string, flags: TokenFlags): Promise<void> {
  if (action === 'new') create(flags);
  else if (action === 'list') list(flags);
  else await hash();
}

function create({ name, scope, prefix, expires, file }: TokenFlags): void {
  const token = newToken();
  const entry: TokenEntry = {
    name: name!,
    sha256: digestOf(token),
    scopes: scope!,
    ...(prefix && { prefixes: prefix }),
    ...(expires !== 'never' && { expires }),
  };
  if (file !== undefined) addEntry(file, entry);
  process.stdout.write(`${token}\n`);
  if (file === undefined) process.stdout.write(`${JSON.stringify(entry)}\n`);
  const stored =
    file === undefined ? 'Add the second line to "tokens" of the tokens file.' : `Added ${name} to ${file}.`;
  process.stderr.write(`${stored} The token is not shown again.\n`);
}

function list({ file, json }: TokenFlags): void {
  const rows = parseEntries(readFileSync(file!, 'utf8')).map((entry) => ({
    name: entry.name,
    kind: entry.subject === undefined ? 'token' : `jwt ${entry.subject}`,
    scopes: entry.scopes,
    prefixes: entry.prefixes,
    expires: entry.expires,
    expired: expiryOf(entry) <= Date.now(),
  }));
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  const cells = rows.map(({ name, kind, scopes, prefixes, expires = 'never', expired }) => [
    name,
    kind,
    scopes.join(' '),
    prefixes === undefined ? 'every key' : prefixes.length === 0 ? 'no key' : prefixes.join(' '),
    expired ? `${expires} (expired)` : expires,
  ]);
  process.stdout.write(table([['NAME', 'KIND', 'SCOPES', 'PREFIXES', 'EXPIRES'], ...cells]));
}

async function hash(): Promise<void> {
  const token = (await text(process.stdin)).trim();
  if (token === '') throw new Failure('standard input contains no token', 1);
  process.stdout.write(`${digestOf(token)}\n`);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
