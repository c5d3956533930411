/** The WebSocket of the page: changes of all keys that the token may read, and of the open key with values. */
import { json, named } from './bidi.ts';
import { parse, textOf } from './json.ts';
import { token } from './token.ts';
import { type Client, TYPES } from './types.ts';

/** An event of the service, or a state of the connection. */
export interface Change {
  readonly kind: 'update' | 'invalidate' | 'reset' | 'connected' | 'disconnected';
  /** The key; or the type or pattern whose keys changed. */
  readonly target: string;
  readonly key?: string;
  readonly reason: string;
  /** The quality of the key, the beginning of its value, or its version. The page stores no values. */
  readonly detail: string;
  /** Earlier states that this event replaces. */
  readonly merged?: number;
  readonly at: number;
}

interface Message {
  readonly id?: string;
  readonly ok?: boolean;
  readonly code?: string;
  readonly resumed?: boolean;
  readonly more?: boolean;
  readonly event?: string;
  readonly key?: string;
  readonly type?: string;
  readonly pattern?: string;
  readonly reason?: string;
  readonly version?: string;
  readonly value?: unknown;
  readonly quality?: string;
  readonly qualityReason?: string;
  readonly merged?: number;
  readonly epoch?: string;
  readonly offset?: number;
}

const HEARTBEAT_MS = 5000;
/** Three heartbeats. */
const SILENCE_MS = 15_000;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;
const AUTH = 'auth';
const FEED = 'feed';
/** A request that is refused with one of these codes is refused again on the next connection. */
const LASTING = ['forbidden', 'key_invalid', 'frame_invalid'];
/** Of a value. */
const MOST_CHARACTERS = 160;

export class Socket {
  readonly #listeners = new Set<(change: Change) => void>();
  #client: Client | null = null;
  #socket: WebSocket | undefined;
  #delay = FIRST_DELAY_MS;
  #started = false;
  /** The page has sent the subscription of the feed. */
  #asked = false;
  /** The service has accepted the subscription of the feed. */
  #subscribed = false;
  #watched: string | undefined;
  #watch = 0;
  /** In ms since 1970, because other clocks of browsers stop while the device sleeps. */
  #heardAt = 0;
  #retry: number | undefined;

  listen(listener: (change: Change) => void): void {
    this.#listeners.add(listener);
  }

  /** Connects, and connects again after each loss. */
  open(client: Client | null): void {
    this.#client = client;
    if (this.#started) return;
    this.#started = true;
    this.#connect();
  }

  /** Replaces a connection without heartbeats: a browser may not notice for minutes that the other side has gone. */
  check(): void {
    const socket = this.#socket;
    if (socket === undefined || Date.now() - this.#heardAt <= SILENCE_MS) return;
    this.#lost('no heartbeat');
    socket.close();
  }

  /** Connects at once, if the connection was lost while the page was hidden or the device slept. */
  wake(): void {
    this.check();
    if (!this.#started || this.#socket !== undefined) return;
    this.#delay = FIRST_DELAY_MS;
    this.#connect();
  }

  /** Receives the values of this key from now on, and of no other. */
  watch(key: string | undefined): void {
    if (this.#watched !== undefined && this.#subscribed)
      this.#send({ op: 'unsubscribe', subscription: this.#watchId });
    this.#watched = key;
    this.#watch++;
    this.#sendWatch();
  }

  get #watchId(): string {
    return `watch-${this.#watch}`;
  }

  #connect(): void {
    clearTimeout(this.#retry);
    const url = new URL('/v1/ws', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, 'ratecache.v1.json');
    this.#socket = socket;
    this.#heardAt = Date.now();
    socket.addEventListener('open', () => {
      if (token() === '') this.#askHeartbeats();
      else this.#send({ op: AUTH, token: token() });
    });
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket !== socket) return;
      this.#heardAt = Date.now();
      this.#receive(messageOf(data as string));
    });
    socket.addEventListener('close', ({ reason }) => {
      if (this.#socket === socket) this.#lost(reason);
    });
  }

  #lost(reason: string): void {
    this.#socket = undefined;
    if (this.#subscribed) this.#tell({ kind: 'disconnected', target: 'the service', reason });
    this.#asked = false;
    this.#subscribed = false;
    this.#retry = setTimeout(
      () => this.#connect(),
      this.#delay * (0.5 + Math.random() / 2),
    ) as unknown as number;
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(JSON.stringify({ id: String(message.op), ...message }));
  }

  #receive(message: Message): void {
    const { event, id, ok, reason = '' } = message;
    if (event === 'heartbeat') return this.#beat(message);
    if (event === 'update' || event === 'invalidate') return this.#changed(event, message);
    if (event === 'reset') return this.#tell({ kind: 'reset', target: 'every key', reason });
    if (ok === false) return this.#refused(message);
    if (id === AUTH) return this.#askHeartbeats();
    if (id === FEED) this.#accepted(message);
  }

  /** Connects again later: without the request, the page would receive no changes, or no values of the open key. */
  #refused({ id, code = '' }: Message): void {
    if (id !== FEED && LASTING.includes(code)) return;
    const socket = this.#socket;
    this.#lost(`refused: ${code}`);
    socket?.close();
  }

  #askHeartbeats(): void {
    this.#send({ op: 'heartbeat', interval: HEARTBEAT_MS });
  }

  /** A position in the changes of the service: a subscription that resumes there receives no list of every key. */
  #beat({ epoch, offset }: Message): void {
    // Later than the answer to each subscription, which may be refused again and again.
    if (this.#subscribed) this.#delay = FIRST_DELAY_MS;
    if (this.#asked || epoch === undefined) return;
    this.#asked = true;
    const prefixes = this.#client?.prefixes ?? null;
    if (prefixes?.length === 0) return this.#connected();
    const interest = prefixes === null ? { types: TYPES } : { prefixes };
    this.#send({ op: 'subscribe', id: FEED, ...interest, resume: { epoch, offset } });
  }

  /** The list of every key would be long, so the page tries again from a newer position. */
  #accepted({ resumed, more }: Message): void {
    if (resumed === false && more === true) this.#socket?.close();
    else if (!this.#subscribed) this.#connected();
  }

  #connected(): void {
    this.#subscribed = true;
    this.#tell({ kind: 'connected', target: 'the service', reason: '' });
    this.#sendWatch();
  }

  #sendWatch(): void {
    if (this.#watched !== undefined && this.#subscribed)
      this.#send({ op: 'subscribe', id: this.#watchId, keys: [this.#watched], values: true });
  }

  #changed(kind: 'update' | 'invalidate', message: Message): void {
    const { key, type, pattern, reason, merged } = message;
    this.#tell({
      kind,
      target: key ?? (type === undefined ? (pattern ?? '') : `every ${type}`),
      reason: reason ?? (kind === 'update' ? 'set' : ''),
      detail: detailOf(message),
      ...(key !== undefined && { key }),
      ...(merged !== undefined && { merged }),
    });
  }

  #tell(change: Omit<Change, 'at' | 'detail'> & Partial<Pick<Change, 'detail'>>): void {
    for (const listener of this.#listeners) listener({ detail: '', ...change, at: Date.now() });
  }
}

/** A value with thousands of levels is left out, because reading it exceeds the stack of the browser. */
function messageOf(text: string): Message {
  try {
    return parse(text) as Message;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { ...JSON.parse(text), value: undefined };
  }
}

function detailOf({ value, version = '', quality, qualityReason = '' }: Message): string {
  const state = quality === undefined ? '' : `${quality}: ${named(qualityReason)} `;
  return state + (value === undefined ? version : json(textOf(value, MOST_CHARACTERS)));
}
