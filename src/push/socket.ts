/** `/v1/ws`: the upgrade, the frames, and the end of each connection. */
import type { Clock } from '../cache/clock.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { ERRORS, type ErrorCode, ServiceError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from '../uws.ts';
import type { Codec } from './codec.ts';
import { CLOSE, Consumer, type ConsumerLimits } from './consumer.ts';
import type { RequestDeps, RequestLimits } from './deps.ts';
import { Hub } from './hub.ts';
import { jsonCodec } from './json-codec.ts';
import { msgpackCodec } from './msgpack-codec.ts';
import { handle } from './requests.ts';
import { endAll } from './subscribe.ts';

const CODECS: ReadonlyMap<string, Codec> = new Map([
  ['ratecache.v1.json', jsonCodec],
  ['ratecache.v1.msgpack', msgpackCodec],
]);

/** Malformed frames in a row that are answered; the next one closes the socket. */
const MAX_MALFORMED = 5;

export interface PushOptions extends ConsumerLimits, RequestLimits {
  readonly maxFrameBytes: number;
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  /** Origins of pages that may connect; `*` for all. What sends no Origin is no browser, and may. */
  readonly allowedOrigins: readonly string[];
}

export interface PushDeps {
  readonly cache: TwoLevel;
  readonly clock: Clock;
  readonly counters: Counters;
  /** True at shutdown. */
  readonly draining: () => boolean;
  readonly onFault: (error: unknown) => void;
  /** Whether the event loop is late. */
  readonly overloaded: () => boolean;
  /** Whether Redis gives up keys for want of room these days; without it nobody knows. */
  readonly evicting?: (() => Promise<boolean>) | undefined;
  /** How many keys the hub remembers, where it is not the usual number. */
  readonly rememberedKeys?: number;
}

interface UserData {
  readonly codec: Codec;
  consumer: Consumer | undefined;
}

export class Push {
  readonly hub: Hub;
  readonly #options: PushOptions;
  readonly #deps: PushDeps;
  readonly #requestDeps: RequestDeps;
  readonly #consumers = new Set<Consumer>();
  readonly #stallTimer: NodeJS.Timeout;

  constructor(app: TemplatedApp, options: PushOptions, deps: PushDeps) {
    this.#options = options;
    this.#deps = deps;
    this.hub = new Hub(deps.cache, deps.evicting, deps.rememberedKeys);
    deps.cache.changes = this.hub;
    const { cache, clock, counters, onFault, overloaded } = deps;
    this.#requestDeps = { cache, clock, counters, hub: this.hub, limits: options, onFault, overloaded };
    this.#stallTimer = setInterval(() => this.#checkStalls(), 1000);
    this.#stallTimer.unref();
    app.ws<UserData>('/v1/ws', {
      // uWS cuts a longer frame off without a word; one a little longer than allowed is told why.
      maxPayloadLength: 2 * options.maxFrameBytes,
      idleTimeout: Math.round(options.idleTimeoutMs / 1000),
      sendPingsAutomatically: true,
      // How much may wait in a socket is decided in `Consumer`.
      maxBackpressure: 0,
      upgrade: (res, req, context) => this.#upgrade(res, req, context),
      open: (ws) => {
        const consumer = new Consumer(ws as WebSocket<unknown>, ws.getUserData().codec, options, counters);
        ws.getUserData().consumer = consumer;
        this.#consumers.add(consumer);
      },
      message: (ws, message) => this.#onFrame(ws.getUserData().consumer!, Buffer.from(message)),
      drain: (ws) => ws.getUserData().consumer!.onDrain(performance.now()),
      close: (ws) => {
        const consumer = ws.getUserData().consumer!;
        consumer.onClose();
        endAll(this.hub, consumer);
        this.#consumers.delete(consumer);
      },
    });
  }

  /** How many there are now. */
  get sizes(): { readonly connections: number; readonly subscriptions: number } {
    return { connections: this.#consumers.size, subscriptions: this.hub.subscriptions.size };
  }

  /** Closes every socket with 1012, so that its client comes back, elsewhere if need be. */
  close(): void {
    clearInterval(this.#stallTimer);
    for (const consumer of this.#consumers) consumer.close(CLOSE.serviceRestart, 'restarting');
  }

  #upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    if (!asksForWebSocket(req)) return refuseWithoutUpgrade(res);
    const { allowedOrigins, maxConnections } = this.#options;
    const origin = req.getHeader('origin');
    if (origin !== '' && !allowedOrigins.includes('*') && !allowedOrigins.includes(origin))
      return refuse(res, 'origin_refused', 'WS_ALLOWED_ORIGINS does not list this origin', 'Origin');
    if (this.#deps.draining()) return refuse(res, 'shutting_down', 'connect to another instance');
    if (this.#consumers.size >= maxConnections)
      return refuse(res, 'too_many_connections', `at most ${maxConnections} sockets may be connected`);
    const offered = req.getHeader('sec-websocket-protocol');
    const protocol = offered
      .split(',')
      .map((name) => name.trim())
      .find((name) => CODECS.has(name));
    if (offered !== '' && protocol === undefined)
      return refuse(
        res,
        'subprotocol_unsupported',
        `the subprotocols are ${[...CODECS.keys()].join(' and ')}`,
        'Sec-WebSocket-Protocol',
      );
    const userData: UserData = {
      codec: protocol === undefined ? jsonCodec : CODECS.get(protocol)!,
      consumer: undefined,
    };
    const key = req.getHeader('sec-websocket-key');
    res.upgrade(userData, key, protocol ?? '', req.getHeader('sec-websocket-extensions'), context);
  }

  #onFrame(consumer: Consumer, message: Buffer): void {
    const { counters, onFault } = this.#deps;
    counters.wsFrames++;
    const { maxFrameBytes } = this.#options;
    if (message.length > maxFrameBytes) return consumer.close(CLOSE.tooBig, `at most ${maxFrameBytes} bytes`);
    try {
      handle(this.#requestDeps, consumer, consumer.codec.decode(message));
      consumer.malformed = 0;
    } catch (error) {
      if (!(error instanceof ServiceError)) return onFault(error);
      consumer.reply(consumer.codec.failed(undefined, error));
      if (++consumer.malformed > MAX_MALFORMED) consumer.close(CLOSE.policyViolation, 'malformed frames');
    }
  }

  #checkStalls(): void {
    const now = performance.now();
    for (const consumer of this.#consumers) consumer.checkStall(now);
  }
}

/** uWS calls every request with a key of the right length an upgrade, whatever its other headers are. */
function asksForWebSocket(req: HttpRequest): boolean {
  const upgrades = req.getHeader('connection').toLowerCase().split(',');
  return (
    req.getHeader('upgrade').toLowerCase() === 'websocket' &&
    upgrades.some((token) => token.trim() === 'upgrade') &&
    req.getHeader('sec-websocket-version') === '13'
  );
}

function refuseWithoutUpgrade(res: HttpResponse): void {
  res.writeStatus('426 Upgrade Required');
  res.writeHeader('Upgrade', 'websocket').writeHeader('Connection', 'Upgrade');
  res.writeHeader('Sec-WebSocket-Version', '13');
  end(res, 'upgrade_required', 'connect with WebSocket, version 13');
}

function refuse(res: HttpResponse, code: ErrorCode, detail: string, field?: string): void {
  const [status, title] = ERRORS[code];
  res.writeStatus(`${status} ${title}`);
  end(res, code, detail, field);
}

function end(res: HttpResponse, code: ErrorCode, detail: string, field?: string): void {
  const [status, title] = ERRORS[code];
  res.writeHeader('Content-Type', 'application/problem+json').writeHeader('Cache-Control', 'no-store');
  res.end(JSON.stringify({ type: 'about:blank', title, status, code, detail, field }));
}
