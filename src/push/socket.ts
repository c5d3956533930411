/**
 * The WebSocket endpoint `/v1/ws`: upgrades, frames, and the close of each connection. Event streams have their own
 * requests, and share everything else.
 */
import { CHALLENGE } from '../access/authenticator.ts';
import type { Principal } from '../access/principal.ts';
import { networkOf } from '../access/rate-limit.ts';
import { saneRequestId } from '../access/requester.ts';
import { ERRORS, type ErrorCode, ServiceError } from '../errors.ts';
import {
  type HttpRequest,
  type HttpResponse,
  listOf,
  type TemplatedApp,
  type us_socket_context_t,
  type WebSocket,
} from '../uws.ts';
import { answerPlainGet } from './answer-plain-get.ts';
import { closeUnauthenticated } from './authenticate.ts';
import type { Codec } from './codec.ts';
import { CLOSE, Consumer, type ConsumerLimits } from './consumer.ts';
import type { RequestDeps, RequestLimits } from './deps.ts';
import { eventCodec } from './event-codec.ts';
import { type EventsAnswer, type EventsRequest, openEvents } from './events.ts';
import { FrameTurns } from './frame-turns.ts';
import { Hub } from './hub.ts';
import { jsonCodec } from './json-codec.ts';
import { msgpackCodec } from './msgpack-codec.ts';
import { type Owner, requesterOf } from './owner.ts';
import { forgetRegistered } from './register.ts';
import { handle } from './requests.ts';
import { endAll } from './subscribe.ts';

const CODECS: ReadonlyMap<string, Codec> = new Map([
  ['ratecache.v1.json', jsonCodec],
  ['ratecache.v1.msgpack', msgpackCodec],
]);

const REFUSAL_LINES = [
  'Content-Type: application/problem+json',
  'Cache-Control: no-store',
  'X-Content-Type-Options: nosniff',
];

/** The number of malformed frames in a row that the service answers. The next one closes the socket. */
const MAX_MALFORMED = 5;

export interface PushOptions extends ConsumerLimits, RequestLimits {
  readonly maxFrameBytes: number;
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  /**
   * Origins whose pages may connect, in addition to the own origin; `*` allows all. Clients without an Origin are not
   * browsers and may connect.
   */
  readonly allowedOrigins: readonly string[];
}

type Shared = 'cache' | 'clock' | 'counters' | 'overloaded' | 'onFault' | 'access' | 'slow' | 'tracing';

export interface PushDeps extends Pick<RequestDeps, Shared> {
  /** True at shutdown. */
  readonly draining: () => boolean;
  /** Whether a page of the service itself sends this `Origin` with this `Host`. No page does by default. */
  readonly isOwnPage?: (origin: string, host: string) => boolean;
  /** The number of keys whose last state the hub remembers; a default of the hub if absent. */
  readonly rememberedKeys?: number;
}

interface UserData {
  readonly codec: Codec;
  readonly owner: Owner;
  consumer: Consumer | undefined;
  frames: FrameTurns | undefined;
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
    this.hub = new Hub(deps.cache, deps.onFault, deps.rememberedKeys);
    deps.cache.changes = this.hub;
    const { cache, clock, counters, onFault, overloaded, access, slow, tracing } = deps;
    this.#requestDeps = {
      cache,
      clock,
      counters,
      hub: this.hub,
      access,
      limits: options,
      slow,
      tracing,
      onFault,
      overloaded,
    };
    access.authenticator?.onRevoked(() => closeUnauthenticated(this.#consumers));
    this.#stallTimer = setInterval(() => this.#checkSockets(), 1000);
    this.#stallTimer.unref();
    app.ws<UserData>('/v1/ws', {
      // uWS drops the connection of a longer frame without a close frame. Up to twice the limit, #onFrame sends 1009.
      maxPayloadLength: 2 * options.maxFrameBytes,
      idleTimeout: Math.round(options.idleTimeoutMs / 1000),
      sendPingsAutomatically: true,
      // `Consumer` limits what may be buffered in a socket.
      maxBackpressure: 0,
      upgrade: (res, req, context) => this.#upgrade(res, req, context),
      open: (ws) => {
        const { codec, owner } = ws.getUserData();
        const consumer = new Consumer(ws as WebSocket<unknown>, codec, owner, options, counters, clock);
        ws.getUserData().consumer = consumer;
        ws.getUserData().frames = new FrameTurns((frame) => this.#onFrame(consumer, frame));
        this.#consumers.add(consumer);
      },
      message: (ws, message) => ws.getUserData().frames!.receive(Buffer.from(message)),
      drain: (ws) => ws.getUserData().consumer!.onDrain(performance.now()),
      close: (ws) => {
        const consumer = ws.getUserData().consumer!;
        ws.getUserData().frames!.close();
        counters.wsClosed++;
        consumer.onClose();
        forgetRegistered(this.hub, consumer);
        void endAll(this.hub, consumer);
        this.#consumers.delete(consumer);
      },
    });
  }

  get sizes(): { readonly connections: number; readonly streams: number; readonly subscriptions: number } {
    let streams = 0;
    for (const { codec } of this.#consumers) if (codec === eventCodec) streams++;
    const connections = this.#consumers.size - streams;
    return { connections, streams, subscriptions: this.hub.subscriptions.size };
  }

  /**
   * Starts an event stream as the answer to a request.
   * @throws ServiceError before the answer starts
   */
  openEvents(answer: EventsAnswer, request: EventsRequest): void {
    const deps = {
      ...this.#requestDeps,
      consumers: this.#consumers,
      maxConnections: this.#options.maxConnections,
      consumerLimits: this.#options,
      draining: this.#deps.draining,
    };
    openEvents(deps, answer, request);
  }

  /** Closes every socket and event stream with 1012, so that its client reconnects, perhaps to another replica. */
  close(): void {
    clearInterval(this.#stallTimer);
    for (const consumer of this.#consumers) consumer.close(CLOSE.serviceRestart, 'restarting');
  }

  /**
   * Closes as many sockets and event streams with 1012. It chooses sockets and streams without an open request that
   * have been connected longest.
   */
  closeSome(count: number): void {
    let left = count;
    for (const consumer of this.#consumers) {
      if (left <= 0) return;
      if (consumer.inFlight > 0 || consumer.closed) continue;
      consumer.close(CLOSE.serviceRestart, 'connect again: another process has fewer connections');
      left--;
    }
  }

  #upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    if (!asksForWebSocket(req)) return refuseWithoutUpgrade(res);
    const { maxConnections } = this.#options;
    if (!this.#allowsOrigin(req))
      return refuse(res, 'origin_refused', 'WS_ALLOWED_ORIGINS does not list this origin', 'Origin');
    if (this.#deps.draining()) return refuse(res, 'shutting_down', 'connect to another replica');
    if (this.#consumers.size >= maxConnections)
      return refuse(
        res,
        'too_many_connections',
        `at most ${maxConnections} sockets and event streams are allowed`,
      );
    const offered = listOf(req, 'sec-websocket-protocol');
    const protocol = offered
      .split(',')
      .map((name) => name.trim())
      .find((name) => CODECS.has(name));
    if (offered !== '' && protocol === undefined)
      return refuse(
        res,
        'subprotocol_unsupported',
        `offer ${[...CODECS.keys()].join(' or ')} in Sec-WebSocket-Protocol`,
        'Sec-WebSocket-Protocol',
      );
    const codec = protocol === undefined ? jsonCodec : CODECS.get(protocol)!;
    const key = req.getHeader('sec-websocket-key');
    const extensions = req.getHeader('sec-websocket-extensions');
    this.#identify(res, req, (owner) => {
      const userData: UserData = { codec, owner, consumer: undefined, frames: undefined };
      res.upgrade(userData, key, protocol ?? '', extensions, context);
    });
  }

  #allowsOrigin(req: HttpRequest): boolean {
    const { allowedOrigins } = this.#options;
    const origin = req.getHeader('origin');
    if (origin === '' || allowedOrigins.includes('*') || allowedOrigins.includes(origin)) return true;
    return this.#deps.isOwnPage?.(origin, req.getHeader('host')) === true;
  }

  /** Calls `accept` with the owner of the new socket, which may still have to authenticate; or refuses a wrong token. */
  #identify(res: HttpResponse, req: HttpRequest, accept: (owner: Owner) => void): void {
    const { access } = this.#deps;
    const { authenticator } = access;
    const header = req.getHeader('authorization');
    const owner = (principal: Principal | undefined): Owner => ({
      principal,
      address,
      network,
      requestId,
      since,
    });
    const address = Buffer.from(res.getRemoteAddressAsText()).toString();
    const network = networkOf(res.getRemoteAddress());
    const requestId = saneRequestId(req.getHeader('x-request-id'));
    const since = performance.now();
    if (authenticator === undefined || header === '') return accept(owner(undefined));
    const known = authenticator.lookup(header);
    if (known !== undefined) return accept(owner(known));
    let gone = false;
    res.onAborted(() => {
      gone = true;
    });
    const later = (act: () => void) => gone || res.cork(act);
    authenticator.verify(header).then(
      (principal) => later(() => accept(owner(principal))),
      (error) => {
        if (!(error instanceof ServiceError)) this.#deps.onFault(error);
        const { code, message } =
          error instanceof ServiceError ? error : new ServiceError('internal', ERRORS.internal[1]);
        requesterOf(access, owner(undefined), 'GET /v1/ws').refused(code, {});
        later(() => refuse(res, code, message));
      },
    );
  }

  /** @returns the length of the answers that were sent at once */
  #onFrame(consumer: Consumer, message: Buffer): number {
    const before = consumer.answered;
    this.#handleFrame(consumer, message);
    return consumer.answered - before;
  }

  #handleFrame(consumer: Consumer, message: Buffer): void {
    const { counters, onFault } = this.#deps;
    counters.wsFrames++;
    const { maxFrameBytes } = this.#options;
    if (message.length > maxFrameBytes)
      return consumer.close(CLOSE.tooBig, `frames may have at most ${maxFrameBytes} bytes`);
    try {
      const plain = consumer.codec.plainGet(message);
      if (plain === undefined || !answerPlainGet(this.#requestDeps, consumer, plain))
        handle(this.#requestDeps, consumer, consumer.codec.decode(message), message.length);
      consumer.malformed = 0;
    } catch (error) {
      if (!(error instanceof ServiceError)) return onFault(error);
      consumer.reply(consumer.codec.failed(undefined, error));
      if (++consumer.malformed > MAX_MALFORMED)
        consumer.close(CLOSE.policyViolation, 'too many malformed frames');
    }
  }

  #checkSockets(): void {
    const now = performance.now();
    for (const consumer of this.#consumers) consumer.checkStall(now);
    if (this.#deps.access.authenticator !== undefined) closeUnauthenticated(this.#consumers);
  }
}

/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** uWS treats every request with a Sec-WebSocket-Key of the right length as an upgrade, whatever its other headers. */
function asksForWebSocket(req: HttpRequest): boolean {
  const upgrades = listOf(req, 'connection').toLowerCase().split(',');
  return (
    req.getHeader('upgrade').toLowerCase() === 'websocket' &&
    upgrades.some((token) => token.trim() === 'upgrade') &&
    req.getHeader('sec-websocket-version') === '13' &&
    KEY.test(req.getHeader('sec-websocket-key'))
  );
}

function refuseWithoutUpgrade(res: HttpResponse): void {
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
  end(res, lines, 'upgrade_required', 'connect with a WebSocket client, version 13');
}

function refuse(res: HttpResponse, code: ErrorCode, detail: string, field?: string): void {
  const lines = code === 'unauthenticated' ? [`WWW-Authenticate: ${CHALLENGE}`] : [];
  end(res, lines, code, detail, field);
}

/** Answers in a later turn of the event loop and closes the connection. So nothing that follows the request is executed. */
function end(
  res: HttpResponse,
  lines: readonly string[],
  code: ErrorCode,
  detail: string,
  field?: string,
): void {
  const [status, title] = ERRORS[code];
  const head = [`${status} ${title}`, ...lines, ...REFUSAL_LINES].join('\r\n');
  const body = JSON.stringify({ type: 'about:blank', title, status, code, detail, field });
  let gone = false;
  res.onAborted(() => {
    gone = true;
  });
  setImmediate(() => {
    if (!gone) res.cork(() => res.writeStatus(head).end(body, true));
  });
}
