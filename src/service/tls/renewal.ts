import { WatchedFile } from '../../access/watched-file.ts';
import type { Logger } from '../../log.ts';
import type { TlsFiles } from '../../uws.ts';
import { type CertificateReport, describeCertificate, readCertificate } from './certificate.ts';

/** Changes within this time are one renewal: a certificate and its key are two files. */
const TOGETHER_MS = 100;

/**
 * The files of TLS while the service runs. When one of them changes, new connections use the new files, and open
 * connections stay. Files that do not match or cannot be used are logged, and the present certificate stays in use. A
 * certificate and its key are often replaced one after the other.
 */
export class TlsRenewal {
  readonly #files: TlsFiles;
  readonly #renew: (files: TlsFiles) => Promise<void>;
  readonly #log: Logger;
  readonly #watched: readonly WatchedFile[];
  #report: CertificateReport;
  #timer: NodeJS.Timeout | undefined;
  /** The renewal that runs; renewals run one after another. */
  #running: Promise<void> = Promise.resolve();

  /**
   * @param report of the files that are in use
   * @param renew makes new connections use the files
   */
  constructor(
    files: TlsFiles,
    report: CertificateReport,
    renew: (files: TlsFiles) => Promise<void>,
    log: Logger,
    pollMs?: number,
  ) {
    this.#files = files;
    this.#report = report;
    this.#renew = renew;
    this.#log = log;
    const { certFile, keyFile, caFile } = files;
    const paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
    this.#watched = paths.map((path) => new WatchedFile(path, () => this.#changed(), pollMs));
  }

  /** The certificate of new connections. */
  get report(): CertificateReport {
    return this.#report;
  }

  /** Looks at the files now. Waits until changed ones are in use, or until their fault is logged. */
  async check(): Promise<void> {
    for (const file of this.#watched) file.check();
    await this.#running;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const file of this.#watched) file.close();
  }

  #changed(): void {
    if (this.#timer !== undefined) return;
    const together = new Promise<void>((resume) => {
      this.#timer = setTimeout(resume, TOGETHER_MS).unref();
    });
    this.#running = Promise.all([together, this.#running]).then(() => {
      this.#timer = undefined;
      return this.#apply();
    });
  }

  async #apply(): Promise<void> {
    try {
      const report = readCertificate(this.#files);
      await this.#renew(this.#files);
      this.#report = report;
      this.#log.info(
        describeCertificate(report),
        'TLS certificate loaded; open connections keep the one before',
      );
    } catch (error) {
      this.#log.warn(
        { reason: (error as Error).message, ...describeCertificate(this.#report) },
        'TLS files changed but cannot be used; the certificate before stays in use',
      );
    }
  }
}
