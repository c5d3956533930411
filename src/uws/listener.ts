import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { keepOpen } from './idle.ts';
import { type Listening, listen } from './listen.ts';
import { selectAddon } from './select.ts';

/** The files of a TLS server, in PEM. uWS reads them when it makes an app. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients must present a certificate of one of these authorities. Undefined to ask for none. */
  readonly caFile: string | undefined;
  /** The cipher suites of TLS 1.2; undefined for those of the addon. TLS 1.3 has a fixed list. */
  readonly ciphers: string | undefined;
}

type Handler = (res: HttpResponse, req: HttpRequest, ...more: unknown[]) => unknown;
type Register = (app: TemplatedApp, certified: (handler: Handler) => Handler) => void;

const METHODS = ['get', 'head', 'post', 'put', 'del', 'options', 'patch', 'connect', 'trace', 'any'] as const;

/**
 * One address with its routes, plain or with TLS. An app of uWS cannot change its certificate. So a renewal makes another
 * app with the same routes on the same address. Earlier apps serve the connections that they have accepted.
 */
export class Listener {
  /** Takes the routes: every route is registered with the present app and all later ones. */
  readonly app: TemplatedApp;
  readonly #refuse: Handler;
  readonly #apps: TemplatedApp[] = [];
  readonly #routes: Register[] = [];
  #tls: TlsFiles | undefined;
  #host = '';
  #listening: Listening | undefined;
  #stopped = false;

  /**
   * @param refuse answers a client that has not presented a certificate
   * @throws Error if uWS does not accept the files or the ciphers
   */
  constructor(tls: TlsFiles | undefined, refuse: Handler) {
    this.#tls = tls;
    this.#refuse = refuse;
    this.#apps.push(createApp(tls));
    this.app = this.#recorder();
  }

  /** Sets how long connections stay open after an answer; returns the seconds for which they stay open at least. */
  keepOpen(seconds: number): number {
    this.#routes.push((app) => void keepOpen(app, seconds));
    return keepOpen(this.#apps.at(-1)!, seconds);
  }

  /** Listens. Returns the port. */
  async listen(host: string, port: number, shared: boolean): Promise<number> {
    const app = this.#apps.at(-1)!;
    this.#host = host;
    this.#listening = await listen(app, host, port, shared);
    if (this.#tls === undefined || shared) return this.#listening.port;
    // A renewal listens a second time, so the port must be shared. That nobody else listens on it is known by now.
    const { port: free, stop } = this.#listening;
    stop();
    this.#listening = await listen(app, host, free, true);
    return free;
  }

  /**
   * Uses other files for new connections. Open connections stay, with the certificate that they have seen.
   * @throws Error if uWS does not accept the files; the present ones then stay in use
   */
  async renew(tls: TlsFiles): Promise<void> {
    if (this.#listening === undefined || this.#stopped) return;
    const app = createApp(tls);
    this.#tls = tls;
    for (const register of this.#routes) register(app, this.#certified());
    const before = this.#listening;
    this.#listening = await listen(app, this.#host, before.port, true);
    before.stop();
    this.#apps.push(app);
  }

  /** Accepts no more connections. */
  stop(): void {
    this.#stopped = true;
    this.#listening?.stop();
  }

  /** Closes all connections. */
  close(): void {
    for (const app of this.#apps) app.close();
  }

  #recorder(): TemplatedApp {
    const recorder: Record<string, (...given: never[]) => unknown> = {};
    const record = (register: Register) => {
      this.#routes.push(register);
      for (const app of this.#apps) register(app, this.#certified());
      return recorder;
    };
    for (const method of METHODS)
      recorder[method] = (path: string, handler: Handler) =>
        record((app, certified) => app[method](path, certified(handler) as never));
    recorder.ws = (path: string, behavior: { upgrade: Handler }) =>
      record((app, certified) =>
        app.ws(path, { ...behavior, upgrade: certified(behavior.upgrade) } as never),
      );
    recorder.filter = (each: never) => record((app) => app.filter(each));
    return recorder as unknown as TemplatedApp;
  }

  /**
   * Wraps a handler so that it serves only clients with a certificate. uWS verifies a certificate, but lets clients without
   * one pass.
   */
  #certified(): (handler: Handler) => Handler {
    if (this.#tls?.caFile === undefined) return (handler) => handler;
    return (handler) =>
      (res, req, ...more) =>
        hasCertificate(res) ? handler(res, req, ...more) : this.#refuse(res, req);
  }
}

/** @throws Error if uWS does not accept the files or the ciphers; it does not name what is wrong */
export function createApp(tls: TlsFiles | undefined): TemplatedApp {
  const { addon } = selectAddon();
  if (tls === undefined) return addon.App();
  const { certFile, keyFile, caFile, ciphers } = tls;
  return addon.SSLApp({
    cert_file_name: certFile,
    key_file_name: keyFile,
    ...(caFile !== undefined && { ca_file_name: caFile }),
    ...(ciphers !== undefined && { ssl_ciphers: ciphers }),
  });
}

/** Both addons have this method on responses of TLS connections; their declarations lack it. */
function hasCertificate(res: HttpResponse): boolean {
  return (res as HttpResponse & { getX509Certificate(): string }).getX509Certificate() !== '';
}
