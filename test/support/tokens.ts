/** A real service with tokens, for tests of access. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, newToken } from '../../src/access/token.ts';

export interface TokensFile {
  readonly path: string;
  /** By the name of the entry. */
  readonly tokens: Readonly<Record<string, string>>;
  /** The header of a token. */
  bearer(name: string): { authorization: string };
  /** Replaces the entries. A name that was present keeps its token. */
  write(entries: Readonly<Record<string, object>>): void;
  remove(): void;
}

/** @param entries by name, without their hash: `{ pricing: { scopes: ['read'] } }` */
export function tokensFile(entries: Readonly<Record<string, object>>): TokensFile {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-tokens-'));
  const path = join(directory, 'tokens.json');
  const tokens: Record<string, string> = {};
  const write: TokensFile['write'] = (next) => {
    const list = Object.entries(next).map(([name, entry]) => {
      tokens[name] ??= newToken();
      return { name, sha256: digestOf(tokens[name]), ...entry };
    });
    writeFileSync(path, JSON.stringify({ tokens: list }));
  };
  write(entries);
  return {
    path,
    tokens,
    bearer: (name) => ({ authorization: `Bearer ${tokens[name]}` }),
    write,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
