import type { Config } from '../config/config.ts';
import { createLog } from '../log.ts';
import { composeAccess } from './compose-access.ts';
import { describeCertificate, readCertificate } from './tls/certificate.ts';

/**
 * Reads the files that the service needs to start, as it does: certificate, tokens and keys.
 * @returns what is in use, one line each
 * @throws Error if the service would not start with them
 */
export async function checkFiles(config: Config): Promise<string[]> {
  const lines: string[] = [];
  if (config.tls !== undefined) {
    const { subject, expires_at: end } = describeCertificate(readCertificate(config.tls));
    lines.push(`TLS: ${subject}, valid until ${end}`);
  }
  const { authenticator } = await composeAccess(config, createLog('silent'));
  authenticator?.close();
  lines.push(
    authenticator === undefined ? 'Access: no tokens are configured' : 'Access: the files are valid',
  );
  return lines;
}
