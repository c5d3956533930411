import { Backoff } from './backoff.ts';
import { messageOf } from './codec.ts';
import { RatecacheError } from './errors.ts';
import { type Settings, tokenOf } from './options.ts';
import { type Answer, isEvent, type PushEvent } from './protocol.ts';
import { Requests, type Send } from './requests.ts';
import type { Socket, SocketFactory } from './socket.ts';
import { Trust } from './trust.ts';
import { within } from './wait.ts';

export interface ConnectionListener {
  /** A new connection is up. Nothing is subscribed yet. */
  up(): void;
  /** The connection is lost: changes may be missed from now on. */
  down(): void;
  event(event: PushEvent): void;
}

/** Heartbeats within the longest accepted silence. */
const BEATS = 4;
/** The shortest and the longest interval that the service accepts, in ms. */
const SHORTEST_INTERVAL_MS = 100;
const LONGEST_INTERVAL_MS = 60_000;

/** A connection that is opened again when it is lost, to the next of several addresses. */
export class Connection {
  readonly requests: Requests;
  readonly trust: Trust;
  readonly #addresses: readonly URL[];
  readonly #settings: Settings;
  readonly #open: SocketFactory;
  readonly #listener: ConnectionListener;
  readonly #backoff = new Backoff();
  #attempt = 0;
  #socket: Socket | undefined;
  #isUp = false;
  #isClosed = false;
  #ticks: ReturnType<typeof setInterval> | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** Ticks in a row without a frame. */
  #silentTicks = 0;
  /** Why the latest attempt failed, or the latest connection was lost. */
  lastError: RatecacheError | undefined;

  constructor(
    addresses: readonly URL[],
    settings: Settings,
    open: SocketFactory,
    listener: ConnectionListener,
  ) {
    this.#addresses = addresses;
    this.#settings = settings;
    this.#open = open;
    this.#listener = listener;
    this.requests = new Requests(settings.codec);
    this.trust = new Trust(settings.maxSilenceMs);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The address of the connection, or of the next attempt. */
  get address(): URL {
    return this.#addresses[this.#attempt % this.#addresses.length]!;
  }

  async connect(): Promise<void> {
    let token: string | undefined;
    try {
      token = await within(tokenOf(this.#settings), this.#settings.connectTimeoutMs, undefined);
    } catch (error) {
      return this.#lost(new RatecacheError('disconnected', 'no token could be obtained', { cause: error }));
    }
    if (this.#isClosed) return;
    const { codec } = this.#settings;
    let socket: Socket;
    try {
      socket = this.#open(
        { url: this.address, subprotocol: codec.subprotocol, token },
        {
          open: () => void this.#onOpen(token),
          message: (data) => this.#onMessage(data),
          close: (code, reason) => {
            if (this.#socket === socket) this.#lost(this.#cause(`${reason || 'closed'} (${code})`));
          },
        },
      );
    } catch (error) {
      // The token is not valid in a header, or the address is not valid for a WebSocket.
      return this.#lost(this.#cause(error instanceof Error ? error.message : String(error)));
    }
    this.#socket = socket;
    this.#watch();
  }

  close(): void {
    this.#isClosed = true;
    this.#release();
    clearTimeout(this.#pause);
    this.requests.close(new RatecacheError('closed', 'the client was closed'));
  }

  async #onOpen(token: string | undefined): Promise<void> {
    const { timeoutMs } = this.#settings;
    const socket = this.#socket!;
    const send: Send = (frame) => socket.send(frame);
    // The service reads nothing else from the socket until it knows the token.
    if (token !== undefined && !this.#open.sendsToken)
      await this.#demand(this.requests.send({ op: 'auth', token }, { timeoutMs }, undefined, send));
    if (this.#socket !== socket) return;
    void this.#demand(this.#askForHeartbeats(timeoutMs, send));
    this.#isUp = true;
    this.#listener.up();
    this.requests.connected(send);
  }

  /** Waits for an answer without which the connection is useless. */
  async #demand(answer: Promise<Answer>): Promise<void> {
    const socket = this.#socket;
    try {
      await answer;
    } catch (error) {
      if (this.#socket === socket && socket !== undefined) this.#lost(error as RatecacheError);
    }
  }

  /**
   * The service sends a heartbeat at once, and then at every interval. With a near cache every tick asks again, so longer
   * intervals suffice.
   */
  #askForHeartbeats(timeoutMs: number, via?: Send): Promise<Answer> {
    const { maxSilenceMs, nearCache } = this.#settings;
    const wanted = nearCache === undefined ? Math.floor(maxSilenceMs / BEATS) : maxSilenceMs;
    const interval = Math.min(Math.max(SHORTEST_INTERVAL_MS, wanted), LONGEST_INTERVAL_MS);
    const askedAt = performance.now();
    // The heartbeat may be in the same TCP segment, so it must not arrive before this.
    const onPart = () => this.trust.onAnswer(askedAt);
    const call = { timeoutMs, onPart, isUrgent: true };
    return this.requests.send({ op: 'heartbeat', interval }, call, undefined, via);
  }

  #onMessage(data: string | Uint8Array): void {
    this.#silentTicks = 0;
    const message = messageOf(this.#settings.codec, data);
    if (!isEvent(message)) return this.requests.onAnswer(message);
    if (message.event === 'heartbeat') {
      this.#backoff.reset();
      this.trust.onHeartbeat(message, performance.now());
    } else if (message.event === 'reset') this.trust.lose();
    this.#listener.event(message);
  }

  /**
   * Ends a connection on which nothing arrives. Ticks are counted, not the time: if this process was late, its timers are
   * late too. During a long snapshot no heartbeats arrive, so a silent service is also asked. For the near cache the
   * service is asked at every tick: see `Trust`.
   */
  #watch(): void {
    clearInterval(this.#ticks);
    this.#silentTicks = 0;
    const { maxSilenceMs, connectTimeoutMs, nearCache } = this.#settings;
    const every = maxSilenceMs / BEATS;
    const opening = Math.ceil(connectTimeoutMs / every);
    this.#ticks = setInterval(() => {
      this.#silentTicks++;
      if (this.#silentTicks > (this.#isUp ? BEATS : opening))
        return this.#lost(this.#cause(`no frame for ${maxSilenceMs} ms`));
      if (this.#isUp && (nearCache !== undefined || this.#silentTicks === BEATS / 2))
        this.#askForHeartbeats(maxSilenceMs).catch(() => {});
    }, every);
  }

  #cause(why: string): RatecacheError {
    return new RatecacheError('disconnected', `${this.address.host}: ${why}`);
  }

  #lost(error: RatecacheError): void {
    const wasUp = this.#isUp;
    this.#release();
    this.lastError = error;
    this.#attempt++;
    this.requests.disconnected();
    if (wasUp) this.#listener.down();
    if (this.#isClosed) return;
    this.#pause = setTimeout(() => void this.connect(), this.#backoff.next());
  }

  #release(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isUp = false;
    this.trust.lose();
    clearInterval(this.#ticks);
    socket?.end();
  }
}
