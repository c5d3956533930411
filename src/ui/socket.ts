/** The WebSocket of the page: changes of all keys that the token may read, and of the open key with values. */
import { token } from './api.ts';
import { parse } from './json.ts';
import { type Client, TYPES } from './types.ts';

/** An event of the service, or a state of the connection. */
export interface Change {
  readonly kind: 'update' | 'invalidate' | 'reset' | 'connected' | 'disconnected';
  /** The key; or the type or pattern whose keys changed. */
  readonly target: string;
  readonly key?: string;
  readonly reason: string;
  readonly version?: string;
  readonly value?: unknown;
  /** Earlier states that this event replaces. */
  readonly merged?: number;
  readonly at: number;
}

interface Message {
  readonly id?: string;
  readonly ok?: boolean;
  readonly detail?: string;
  readonly resumed?: boolean;
  readonly more?: boolean;
  readonly event?: string;
  readonly key?: string;
  readonly type?: string;
  readonly pattern?: string;
  readonly reason?: string;
  readonly version?: string;
  readonly value?: unknown;
  readonly merged?: number;
  readonly epoch?: string;
  readonly offset?: number;
}

const HEARTBEAT_MS = 5000;
const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;
const FEED = 'feed';

export class Socket {
  readonly #listeners = new Set<(change: Change) => void>();
  #client: Client | null = null;
  #socket: WebSocket | undefined;
  #delay = FIRST_DELAY_MS;
  #started = false;
  #subscribed = false;
  #watched: string | undefined;
  #watch = 0;

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
    const url = new URL('/v1/ws', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, 'ratecache.v1.json');
    this.#socket = socket;
    this.#subscribed = false;
    socket.addEventListener('open', () => {
      if (token() !== '') this.#send({ op: 'auth', token: token() });
      this.#send({ op: 'heartbeat', interval: HEARTBEAT_MS });
    });
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.#receive(parse(data as string) as Message);
    });
    socket.addEventListener('close', ({ reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (this.#subscribed) this.#tell({ kind: 'disconnected', target: 'the service', reason });
      setTimeout(() => this.#connect(), this.#delay * (0.5 + Math.random() / 2));
      this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
    });
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(JSON.stringify({ id: String(message.op), ...message }));
  }

  #receive(message: Message): void {
    const { event, id, reason = '' } = message;
    if (event === 'heartbeat') return this.#beat(message);
    if (event === 'update' || event === 'invalidate') return this.#changed(event, message);
    if (event === 'reset') return this.#tell({ kind: 'reset', target: 'every key', reason });
    if (id !== FEED) return;
    // The list of every key would be long, so the page tries again from a newer position.
    if (message.ok === true && message.resumed === false && message.more === true) this.#socket?.close();
  }

  /** A position in the changes of the service: a subscription that resumes there receives no list of every key. */
  #beat({ epoch, offset }: Message): void {
    if (this.#subscribed || epoch === undefined) return;
    this.#subscribed = true;
    this.#delay = FIRST_DELAY_MS;
    const prefixes = this.#client?.prefixes ?? null;
    const interest = prefixes === null ? { types: TYPES } : { prefixes };
    if (prefixes?.length !== 0)
      this.#send({ op: 'subscribe', id: FEED, ...interest, resume: { epoch, offset } });
    this.#tell({ kind: 'connected', target: 'the service', reason: '' });
    this.#sendWatch();
  }

  #sendWatch(): void {
    if (this.#watched !== undefined && this.#subscribed)
      this.#send({ op: 'subscribe', id: this.#watchId, keys: [this.#watched], values: true });
  }

  #changed(
    kind: 'update' | 'invalidate',
    { key, type, pattern, reason, version, value, merged }: Message,
  ): void {
    this.#tell({
      kind,
      target: key ?? (type === undefined ? (pattern ?? '') : `every ${type}`),
      reason: reason ?? (kind === 'update' ? 'set' : ''),
      ...(key !== undefined && { key }),
      ...(version !== undefined && { version }),
      ...(value !== undefined && { value }),
      ...(merged !== undefined && { merged }),
    });
  }

  #tell(change: Omit<Change, 'at'>): void {
    for (const listener of this.#listeners) listener({ ...change, at: Date.now() });
  }
}
