import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

export type Certificate = { readonly certFile: string; readonly keyFile: string };

/** An authority that was made by openssl; its files end with the test. */
export type Authority = {
  readonly caFile: string;
  /** @param names subject alternative names: `DNS:redis.test,IP:127.0.0.1` */
  issue(names: string): Promise<Certificate>;
};

export async function makeAuthority(t: TestContext): Promise<Authority> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-tls-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  let serial = 0;
  const make = async (subject: string, ...args: string[]): Promise<Certificate> => {
    const certificate = { certFile: join(dir, `${serial}.pem`), keyFile: join(dir, `${serial++}.key`) };
    const { certFile, keyFile } = certificate;
    await promisify(execFile)('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${subject}`, '-keyout', keyFile, '-out', certFile, ...args],
    ]);
    return certificate;
  };
  const ca = await make('test authority');
  return {
    caFile: ca.certFile,
    issue: (names) =>
      make('test', '-CA', ca.certFile, '-CAkey', ca.keyFile, '-addext', `subjectAltName=${names}`),
  };
}
