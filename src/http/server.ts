/** The routes of the HTTP server, and how it listens and drains. */

import type { Scope } from '../access/principal.ts';
import { type HttpRequest, type HttpResponse, Listener, type TemplatedApp, type TlsFiles } from '../uws.ts';
import { mdeleteHandler, mgetHandler, msetHandler } from './batch.ts';
import { configurationHandler } from './configuration.ts';
import type { HttpDeps, ServerDeps } from './deps.ts';
import { eventsHandler } from './events.ts';
import { announceIdleTimeout, Exchange, fault, type Headers } from './exchange.ts';
import { EXPLAIN_PATH, EXPLAIN_ROUTES, explainHandler } from './explain.ts';
import { framed, framedLast } from './framed.ts';
import { type GuardedHandler, guarded, type Handler } from './guard.ts';
import { historyHandler, replicasHandler } from './history.ts';
import { hotKeysHandler } from './hot-keys.ts';
import { cleanupHandler, flushHandler, invalidateHandler, keysHandler, warmupHandler } from './manage.ts';
import { MARKS_PATH, markHandler, marksHandler, removeMarkHandler, unmarkHandler } from './marks.ts';
import { type Ops, opsHandlers } from './ops.ts';
import { readHandler, sampledReadHandler } from './read.ts';
import { CACHE_PATH, CACHE_ROUTES } from './request.ts';
import { forgetHandler, heartbeatHandler, SOURCES_PATH, sourcesHandler } from './sources.ts';
import { traced } from './traced.ts';
import { deleteHandler, putHandler } from './write.ts';

type Methods = Partial<Record<'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE', Handler>>;
/** Paths with their methods. */
export type Routes = Readonly<Record<string, Methods>>;

/** How often a draining server checks whether its clients still send requests. */
const DRAIN_POLL_MS = 50;

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** How long a connection stays open after an answer, where the addon allows it. */
  readonly idleTimeoutMs: number;
}

export class Server {
  readonly #deps: ServerDeps;
  readonly #listener: Listener;

  /**
   * @param paths of `routes` and `opsRoutes`, or of one of the two
   * @param webSocket whether clients may expect the WebSocket endpoint here
   * @param tls undefined for plain HTTP
   * @throws Error if uWS does not accept the files or the ciphers of `tls`
   */
  constructor(deps: ServerDeps, paths: Routes, webSocket: boolean, tls?: TlsFiles) {
    this.#deps = deps;
    this.#listener = new Listener(tls, (res, req) => this.#refuseWithoutCertificate(res, req));
    for (const [path, methods] of Object.entries(paths)) this.#route(path, methods);
    if (webSocket) this.#refuseRequestsWithoutUpgrade();
    this.app.any(
      '/*',
      this.#refusing(() => fault('not_found', 'no endpoint has this path')),
    );
  }

  #refuseRequestsWithoutUpgrade(): void {
    const upgrade: [string, string][] = [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Version', '13'],
    ];
    // `push/` handles upgrades; every other request of this path is an error.
    this.app.options('/v1/ws', this.#listing('GET, OPTIONS'));
    this.app.any(
      '/v1/ws',
      this.#refusing(() => fault('upgrade_required', 'connect with a WebSocket client'), upgrade),
    );
  }

  /** For the WebSocket endpoint, which shares the port. */
  get app(): TemplatedApp {
    return this.#listener.app;
  }

  /** Listens. Returns the port. */
  listen({ host, port, reusePort, idleTimeoutMs }: Address): Promise<number> {
    announceIdleTimeout(this.#listener.keepOpen(Math.round(idleTimeoutMs / 1000)));
    return this.#listener.listen(host, port, reusePort);
  }

  /**
   * Uses another certificate for new connections; open connections stay.
   * @throws Error if uWS does not accept the files; the present ones then stay in use
   */
  renew(tls: TlsFiles): Promise<void> {
    return this.#listener.renew(tls);
  }

  /**
   * Stops accepting connections and answers every request that arrives, each with `Connection: close`. Closes the
   * remaining connections when no request arrived for a while, but at the latest after `timeoutMs`.
   */
  async drain(timeoutMs: number): Promise<void> {
    const { load, counters } = this.#deps;
    this.#listener.stop();
    load.draining = true;
    const answered = () => counters.httpResponses.reduce((sum, count) => sum + count, 0);
    const deadline = Date.now() + timeoutMs;
    let before = -1;
    while (Date.now() < deadline && (load.open > 0 || answered() !== before)) {
      before = answered();
      await new Promise((resume) => setTimeout(resume, DRAIN_POLL_MS));
    }
    this.#listener.close();
  }

  #route(path: string, methods: Methods): void {
    const { app } = this;
    const isCached = path.startsWith(CACHE_PATH);
    // A read of a value checks its framing itself, where it leaves the hot path.
    const read = (handler: Handler) => (isCached ? handler : framed(this.#deps, 'none', handler));
    if (methods.GET) app.get(path, read(methods.GET));
    if (methods.HEAD) app.head(path, read(methods.HEAD));
    if (methods.POST) app.post(path, framed(this.#deps, 'usual', methods.POST));
    if (methods.PUT) app.put(path, framed(this.#deps, 'required', methods.PUT));
    if (methods.DELETE) app.del(path, framed(this.#deps, 'none', methods.DELETE));
    const allowed = [...Object.keys(methods), 'OPTIONS'].join(', ');
    app.options(path, this.#listing(allowed));
    const refusal = () => fault('method_not_allowed', `this path supports ${allowed}`);
    app.any(path, this.#refusing(refusal, [['Allow', allowed]]));
  }

  #refuseWithoutCertificate(res: HttpResponse, req: HttpRequest): void {
    const { load, counters } = this.#deps;
    const exchange = new Exchange(res, load, counters, req.getMethod() === 'head');
    const detail = 'present a client certificate of an authority in TLS_CA_FILE';
    exchange.sendProblem(fault('certificate_required', detail));
  }

  /** Answers `OPTIONS`. No line allows pages of other origins anything. */
  #listing(allowed: string): Handler {
    const { load, counters } = this.#deps;
    return framedLast(this.#deps, (res) => {
      new Exchange(res, load, counters, false).send(204, [['Allow', allowed]]);
    });
  }

  #refusing(refusal: () => ReturnType<typeof fault>, headers: Headers = []): Handler {
    const { load, counters } = this.#deps;
    return framedLast(this.#deps, (res, req) => {
      const exchange = new Exchange(res, load, counters, req.getMethod() === 'head');
      exchange.sendProblem(refusal(), headers);
    });
  }
}

/** The paths of values and operations with their methods, except the WebSocket endpoint. Each has its rule. */
export function routes(deps: HttpDeps): Routes {
  const { tracing } = deps;
  // `sampled` takes the place of `handler` for requests that are traced.
  const guard = (
    operation: string,
    scope: Scope | undefined,
    handler: GuardedHandler,
    sampled = handler,
  ): Handler => {
    const rule = { operation, scope };
    const allowed = guarded(deps, rule, handler);
    if (tracing === undefined) return allowed;
    return traced(deps, tracing, operation, allowed, guarded(deps, rule, sampled));
  };
  const operation = (path: string, scope: Scope | undefined, handler: GuardedHandler): Routes => ({
    [path]: { POST: guard(`POST ${path}`, scope, handler) },
  });
  type Readable = (bodiless: boolean) => GuardedHandler;
  const readable = (
    path: string,
    handler: Readable,
    scope: Scope = 'read',
    sampled: Readable = handler,
  ): Methods => ({
    GET: guard(`GET ${path}`, scope, handler(false), sampled(false)),
    HEAD: guard(`HEAD ${path}`, scope, handler(true), sampled(true)),
  });
  const value = `${CACHE_PATH}{key}`;
  const cached: Methods = {
    ...readable(
      value,
      (bodiless) => readHandler(deps, bodiless),
      'read',
      (bodiless) => sampledReadHandler(deps, bodiless),
    ),
    PUT: guard(`PUT ${value}`, 'write', putHandler(deps)),
    DELETE: guard(`DELETE ${value}`, 'write', deleteHandler(deps)),
  };
  const explained = readable(`${EXPLAIN_PATH}{key}`, (bodiless) => explainHandler(deps, bodiless));
  return {
    ...Object.fromEntries(CACHE_ROUTES.map((route) => [route, cached])),
    ...operation('/v1/mget', 'read', mgetHandler(deps)),
    ...operation('/v1/mset', 'write', msetHandler(deps)),
    ...operation('/v1/mdelete', 'write', mdeleteHandler(deps)),
    // Keys need another scope than types and patterns.
    ...operation('/v1/invalidate', undefined, invalidateHandler(deps)),
    ...operation('/v1/cleanup', 'admin', cleanupHandler(deps)),
    ...operation('/v1/flush', 'admin', flushHandler(deps)),
    ...operation('/v1/warmup', 'admin', warmupHandler(deps)),
    '/v1/sources': readable('/v1/sources', (bodiless) => sourcesHandler(deps, bodiless)),
    [`${SOURCES_PATH}:name`]: {
      PUT: guard(`PUT ${SOURCES_PATH}{name}`, 'write', heartbeatHandler(deps)),
      DELETE: guard(`DELETE ${SOURCES_PATH}{name}`, 'admin', forgetHandler(deps)),
    },
    '/v1/marks': {
      ...readable('/v1/marks', (bodiless) => marksHandler(deps, bodiless)),
      // Keys need another scope than types and prefixes.
      POST: guard('POST /v1/marks', undefined, markHandler(deps)),
    },
    [`${MARKS_PATH}:id`]: { DELETE: guard(`DELETE ${MARKS_PATH}{id}`, undefined, removeMarkHandler(deps)) },
    ...operation('/v1/unmark', undefined, unmarkHandler(deps)),
    '/v1/keys': readable('/v1/keys', (bodiless) => keysHandler(deps, bodiless)),
    '/v1/hot-keys': readable('/v1/hot-keys', (bodiless) => hotKeysHandler(deps, bodiless)),
    '/v1/events': { GET: guard('GET /v1/events', 'read', eventsHandler(deps)) },
    '/v1/history': readable('/v1/history', (bodiless) => historyHandler(deps, bodiless)),
    '/v1/replicas': readable('/v1/replicas', (bodiless) => replicasHandler(deps, bodiless)),
    '/v1/configuration': readable(
      '/v1/configuration',
      (bodiless) => configurationHandler(deps, bodiless),
      'admin',
    ),
    ...Object.fromEntries(EXPLAIN_ROUTES.map((route) => [route, explained])),
  };
}

/** The paths of probes, Prometheus and operators. They need no token: their answers contain neither keys nor values. */
export function opsRoutes(deps: ServerDeps, ops: Ops): Routes {
  const { health, livez, readyz, metrics, stats } = opsHandlers(deps, ops);
  const readable = (handler: (bodiless: boolean) => Handler): Methods => ({
    GET: handler(false),
    HEAD: handler(true),
  });
  return {
    '/health': readable(health),
    '/livez': readable(livez),
    '/readyz': readable(readyz),
    '/metrics': readable(metrics),
    '/stats': readable(stats),
  };
}
