/** The routes of the HTTP server, and how it listens and drains. */
import {
  App,
  type HttpRequest,
  type HttpResponse,
  type Listening,
  listen,
  type TemplatedApp,
} from '../uws.ts';
import { mdeleteHandler, mgetHandler, msetHandler } from './batch.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange, fault } from './exchange.ts';
import { cleanupHandler, flushHandler, invalidateHandler, keysHandler, warmupHandler } from './manage.ts';
import { type Ops, opsHandlers } from './ops.ts';
import { readHandler } from './read.ts';
import { CACHE_ROUTES } from './request.ts';
import { deleteHandler, putHandler } from './write.ts';

type Handler = (res: HttpResponse, req: HttpRequest) => void;
type Methods = Partial<Record<'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE', Handler>>;

/** How often a draining server checks whether its clients still send requests. */
const DRAIN_POLL_MS = 50;

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
}

export class Server {
  readonly #deps: HttpDeps;
  readonly #app: TemplatedApp = App();
  #listening: Listening | undefined;

  constructor(deps: HttpDeps, ops: Ops) {
    this.#deps = deps;
    for (const [path, methods] of Object.entries(routes(deps, ops))) this.#route(path, methods);
    const upgrade: [string, string][] = [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Version', '13'],
    ];
    // `push/` handles upgrades; every other request of this path is an error.
    this.#app.any(
      '/v1/ws',
      this.#refusing(() => fault('upgrade_required', 'connect with a WebSocket client'), upgrade),
    );
    this.#app.any(
      '/*',
      this.#refusing(() => fault('not_found', 'no endpoint has this path')),
    );
  }

  /** For the WebSocket endpoint, which shares the port. */
  get app(): TemplatedApp {
    return this.#app;
  }

  /** Listens. Returns the port. */
  async listen(address: Address): Promise<number> {
    this.#listening = await listen(this.#app, address.host, address.port, address.reusePort);
    return this.#listening.port;
  }

  /**
   * Stops accepting connections and answers every request that arrives, each with `Connection: close`. Closes the
   * remaining connections when no request arrived for a while, but at the latest after `timeoutMs`.
   */
  async drain(timeoutMs: number): Promise<void> {
    const { load, counters } = this.#deps;
    this.#listening?.stop();
    load.draining = true;
    const answered = () => counters.httpResponses.reduce((sum, count) => sum + count, 0);
    const deadline = Date.now() + timeoutMs;
    let before = -1;
    while (Date.now() < deadline && (load.open > 0 || answered() !== before)) {
      before = answered();
      await new Promise((resume) => setTimeout(resume, DRAIN_POLL_MS));
    }
    this.#app.close();
  }

  #route(path: string, methods: Methods): void {
    const app = this.#app;
    if (methods.GET) app.get(path, methods.GET);
    if (methods.HEAD) app.head(path, methods.HEAD);
    if (methods.POST) app.post(path, methods.POST);
    if (methods.PUT) app.put(path, methods.PUT);
    if (methods.DELETE) app.del(path, methods.DELETE);
    const allowed = Object.keys(methods).join(', ');
    const refusal = () => fault('method_not_allowed', `this path supports ${allowed}`);
    app.any(path, this.#refusing(refusal, [['Allow', allowed]]));
  }

  #refusing(refusal: () => ReturnType<typeof fault>, headers: [string, string][] = []): Handler {
    const { load, counters } = this.#deps;
    return (res, req) => {
      const exchange = new Exchange(res, load, counters, req.getMethod() === 'head');
      exchange.sendProblem(refusal(), headers);
    };
  }
}

/** Every path with its methods, except the WebSocket endpoint. */
export function routes(deps: HttpDeps, ops: Ops): Record<string, Methods> {
  const { health, livez, readyz, metrics, stats } = opsHandlers(deps, ops);
  const readable = (handler: (bodiless: boolean) => Handler): Methods => ({
    GET: handler(false),
    HEAD: handler(true),
  });
  const cached: Methods = {
    ...readable((bodiless) => readHandler(deps, bodiless)),
    PUT: putHandler(deps),
    DELETE: deleteHandler(deps),
  };
  return {
    ...Object.fromEntries(CACHE_ROUTES.map((route) => [route, cached])),
    '/v1/mget': { POST: mgetHandler(deps) },
    '/v1/mset': { POST: msetHandler(deps) },
    '/v1/mdelete': { POST: mdeleteHandler(deps) },
    '/v1/invalidate': { POST: invalidateHandler(deps) },
    '/v1/cleanup': { POST: cleanupHandler(deps) },
    '/v1/flush': { POST: flushHandler(deps) },
    '/v1/warmup': { POST: warmupHandler(deps) },
    '/v1/keys': readable((bodiless) => keysHandler(deps, bodiless)),
    '/health': readable(health),
    '/livez': readable(livez),
    '/readyz': readable(readyz),
    '/metrics': readable(metrics),
    '/stats': readable(stats),
  };
}
