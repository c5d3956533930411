/** Reads and checks the files of TLS, before uWS reads them: uWS does not name what is wrong. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError, type Fault } from '../../config/config.ts';
import { createApp, type TlsFiles } from '../../uws.ts';

/** The certificate of the service, for operators. */
export interface CertificateReport {
  readonly subject: string;
  /** SHA-256 of the certificate, in hexadecimal with colons. */
  readonly fingerprint: string;
  /** When the first certificate of the chain expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** @throws ConfigError with what is wrong: a file is unreadable, expired or does not match, or no cipher is known */
export function readCertificate(files: TlsFiles, now = Date.now()): CertificateReport {
  const faults: Fault[] = [];
  const attempt = <T>(
    variable: Fault['variable'],
    path: string,
    read: (text: string) => T,
  ): T | undefined => {
    try {
      return read(readFileSync(path, 'utf8'));
    } catch (error) {
      const expected =
        error instanceof Unusable ? error.message : `a file that can be read: ${(error as Error).message}`;
      faults.push({ variable, actual: JSON.stringify(path), expected });
      return undefined;
    }
  };
  const chain = attempt('TLS_CERT_FILE', files.certFile, (text) => {
    const read = certificatesIn(text);
    for (const certificate of read) checkTime(certificate, now);
    return read;
  });
  const key = attempt('TLS_KEY_FILE', files.keyFile, (text) => {
    const read = keyIn(text);
    if (chain !== undefined && !chain[0]!.checkPrivateKey(read))
      throw new Unusable('the private key of the first certificate in TLS_CERT_FILE');
    return read;
  });
  if (files.caFile !== undefined) attempt('TLS_CA_FILE', files.caFile, certificatesIn);
  if (chain === undefined || key === undefined || faults.length > 0) throw new ConfigError(faults, []);
  checkAccepted(files);
  const [own] = chain as [X509Certificate];
  return {
    subject: own.subject,
    fingerprint: own.fingerprint256,
    expiresAt: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
  };
}

/** Lets uWS read the files, which are in order. @throws ConfigError if it refuses them */
function checkAccepted(files: TlsFiles): void {
  try {
    createApp(files);
  } catch {
    const { ciphers, certFile } = files;
    const fault: Fault =
      ciphers === undefined
        ? {
            variable: 'TLS_CERT_FILE',
            actual: JSON.stringify(certFile),
            expected: 'a certificate and a key of a kind that the addon supports, RSA or ECDSA',
          }
        : {
            variable: 'TLS_CIPHERS',
            actual: JSON.stringify(ciphers),
            expected: 'a cipher suite of TLS 1.2 that the addon knows and the key fits',
          };
    throw new ConfigError([fault], []);
  }
}

/** The message completes the sentence "expected …". */
class Unusable extends Error {}

function certificatesIn(text: string): X509Certificate[] {
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) throw new Unusable('a file with a certificate in PEM (BEGIN CERTIFICATE)');
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new Unusable(`certificates that can be parsed: ${(error as Error).message}`);
  }
}

function keyIn(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new Unusable(`a private key in PEM that is not encrypted: ${(error as Error).message}`);
  }
}

function checkTime({ subject, validFromDate, validToDate }: X509Certificate, now: number): void {
  if (validToDate.getTime() <= now)
    throw new Unusable(
      `a certificate that is valid now; ${oneLine(subject)} expired ${validToDate.toISOString()}`,
    );
  if (validFromDate.getTime() > now)
    throw new Unusable(
      `a certificate that is valid now; ${oneLine(subject)} begins ${validFromDate.toISOString()}`,
    );
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ');
}

/** For the log and `/health`. */
export function describeCertificate({ subject, fingerprint, expiresAt }: CertificateReport) {
  return { subject: oneLine(subject), fingerprint, expires_at: new Date(expiresAt).toISOString() };
}
