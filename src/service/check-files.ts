import type { Config } from '../config/config.ts';
import { createLog } from '../log.ts';
import { selectAddon } from '../uws.ts';
import { whyUnwritable } from './access-log.ts';
import { composeAccess } from './compose-access.ts';
import { describeCertificate, readCertificate } from './tls/certificate.ts';

/**
 * Reads the files that the service needs to start, as it does: addon, certificate, tokens and keys.
 * @returns what is in use, and warnings about files without which the service starts, one line each
 * @throws Error if the service would not start with them
 */
export async function checkFiles(config: Config): Promise<{ facts: string[]; warnings: string[] }> {
  // First, because the certificate is read with the addon.
  selectAddon(config.http.addonFile);
  const facts: string[] = [];
  const warnings: string[] = [];
  if (config.tls !== undefined) {
    const { subject, expires_at: end } = describeCertificate(readCertificate(config.tls));
    facts.push(`TLS: ${subject}, valid until ${end}`);
  }
  const { authenticator } = await composeAccess(config, createLog('silent'));
  authenticator?.close();
  facts.push(
    authenticator === undefined ? 'Access: no tokens are configured' : 'Access: the files are valid',
  );
  const { accessFile } = config.log;
  if (accessFile !== undefined) {
    const fault = whyUnwritable(accessFile);
    if (fault === undefined) facts.push('Access log: the file can be written');
    else
      warnings.push(`ACCESS_LOG: the file cannot be written, so the service would drop its lines: ${fault}`);
  }
  return { facts, warnings };
}
