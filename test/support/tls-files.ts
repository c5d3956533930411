import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The certificates and keys of `test/data/tls`. */
export type TlsName =
  | 'authority'
  | 'server'
  | 'renewed'
  | 'expired'
  | 'client'
  | 'foreign-client'
  | 'stranger';

export function tlsFile(name: TlsName, kind: 'crt' | 'key' = 'crt'): string {
  return fileURLToPath(new URL(`../data/tls/${name}.${kind}`, import.meta.url));
}

/** The text of the certificate of a name, or of its key. */
export function pemOf(name: TlsName, kind: 'crt' | 'key' = 'crt'): string {
  return readFileSync(tlsFile(name, kind), 'utf8');
}

/** Files of a certificate that a test can replace. */
export interface ReplaceableFiles {
  readonly env: { readonly TLS_CERT_FILE: string; readonly TLS_KEY_FILE: string };
  readonly replace: (name: TlsName, kind: 'crt' | 'key') => void;
}

export function replaceableFiles(t: Pick<TestContext, 'after'>, initial: TlsName): ReplaceableFiles {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const replace = (name: TlsName, kind: 'crt' | 'key') => {
    copyFileSync(tlsFile(name, kind), join(directory, 'new'));
    renameSync(join(directory, 'new'), join(directory, kind));
  };
  replace(initial, 'crt');
  replace(initial, 'key');
  return { env: { TLS_CERT_FILE: join(directory, 'crt'), TLS_KEY_FILE: join(directory, 'key') }, replace };
}
