import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { pack, Unpackr } from 'msgpackr';
import { type ClientOptions, WebSocket } from 'ws';
import type { Service } from '../../loadtest/target/service.ts';

export const JSON_PROTOCOL = 'ratecache.v1.json';
export const MSGPACK_PROTOCOL = 'ratecache.v1.msgpack';

// biome-ignore lint/suspicious/noExplicitAny: what a test looks into, it asserts
export type Message = Record<string, any>;

export type WsOptions = {
  /** `null` offers none; by default JSON. */
  protocol?: string | readonly string[] | null;
  origin?: string;
  headers?: Record<string, string>;
  /** Options of TLS, for a service with TLS. */
  tls?: ClientOptions;
};

/** A refused upgrade, as HTTP answered it. */
export class Refused extends Error {
  readonly response: Response;

  constructor(response: Response) {
    super(`the upgrade was answered ${response.status}`);
    this.response = response;
  }
}

/** How a socket was closed. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
  /** Why the connection ended without a close frame, which is the code 1006. Undefined if the service simply ended it. */
  readonly error?: string;
}

const TIMEOUT_MS = 30_000;
/** The code of a close without a close frame. */
const NO_CLOSE_FRAME = 1006;
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'bigint' });

/** Connects to a service; ends with `close()`. @throws Refused when the upgrade is answered otherwise */
export async function connectWs(service: Pick<Service, 'port'>, options: WsOptions = {}): Promise<WsClient> {
  const { protocol = JSON_PROTOCOL, origin, headers = {}, tls } = options;
  const settings: ClientOptions = {
    perMessageDeflate: false,
    headers,
    ...tls,
    ...(origin === undefined ? {} : { origin }),
  };
  const base = tls === undefined ? 'ws://127.0.0.1' : 'wss://127.0.0.1';
  const protocols = typeof protocol === 'string' ? [protocol] : [...(protocol ?? [])];
  const ws = new WebSocket(`${base}:${service.port}/v1/ws`, protocols, settings);
  const client = new WsClient(ws);
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
    ws.once('unexpected-response', async (_request, response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      const headers = Object.entries(response.headers).map(([name, value]): [string, string] => [
        name,
        String(value),
      ]);
      reject(new Refused(new Response(body, { status: response.statusCode!, headers })));
    });
  });
  return client;
}

/** A client that closes at the end of the test. */
export async function wsFor(
  t: TestContext,
  service: Pick<Service, 'port'>,
  options: WsOptions = {},
): Promise<WsClient> {
  const ws = await connectWs(service, options);
  t.after(() => ws.close());
  return ws;
}

/** A client of one socket: answers by id, events in a queue, both decoded. */
export class WsClient {
  /** Every event that came, in order. */
  readonly events: Message[] = [];
  /** Every frame that came, decoded, in order: answers and events. */
  readonly frames: Message[] = [];
  /** How many pings came. */
  pings = 0;
  readonly closed: Promise<Closed>;
  readonly #ws: WebSocket;
  readonly #answers = new Map<
    unknown,
    { isLast: (answer: Message) => boolean; resolve: (answer: Message) => void }[]
  >();
  readonly #watchers = new Set<() => void>();
  #seen = 0;
  #nextId = 1;
  #how: Closed | undefined;

  constructor(ws: WebSocket) {
    this.#ws = ws;
    let error: string | undefined;
    const keep = ({ message }: Error) => {
      error ??= message;
    };
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        const why = code === NO_CLOSE_FRAME && error !== undefined ? { error } : {};
        this.#how = { code, reason: reason.toString(), ...why };
        resolve(this.#how);
        this.#wake();
      });
    });
    ws.on('error', keep);
    // The socket has the errors of the connection, such as ECONNRESET. `ws` does not emit them.
    ws.on('open', () => this.#socket.on('error', keep));
    ws.on('ping', () => {
      this.pings++;
      this.#wake();
    });
    ws.on('message', (data, binary) => this.#onMessage(data as Buffer, binary));
  }

  /** The subprotocol that the service chose; empty for none. */
  get protocol(): string {
    return this.#ws.protocol;
  }

  get open(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /** Sends a request, with a new id unless `fields` has one, and returns its first answer. */
  async request(op: string, fields: Message = {}): Promise<Message> {
    const id = fields.id ?? this.#nextId++;
    const answer = this.#answer(id);
    this.send({ id, op, ...fields });
    return answer;
  }

  /** Subscribes and returns the items of all parts of the snapshot. */
  async subscribe(fields: Message): Promise<{ items: Message[]; parts: Message[]; id: number | string }> {
    const id = fields.id ?? this.#nextId++;
    const parts: Message[] = [];
    const last = this.#answer(id, (part) => {
      parts.push(part);
      return part.more !== true;
    });
    this.send({ id, op: 'subscribe', ...fields });
    const { ok, code, detail } = await last;
    if (!ok) throw new Error(`not subscribed: ${code}: ${detail}`);
    return { items: parts.flatMap(({ snapshot }) => snapshot), parts, id };
  }

  /** The next event, since the last one taken, that the predicate accepts; those before it are passed over. */
  async nextEvent(
    accepts: (event: Message) => boolean = () => true,
    timeoutMs = TIMEOUT_MS,
  ): Promise<Message> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      while (this.#seen < this.events.length) {
        const event = this.events[this.#seen++]!;
        if (accepts(event)) return event;
      }
      const left = deadline - performance.now();
      if (left <= 0 || this.#how !== undefined) {
        const when =
          this.#how === undefined ? `within ${timeoutMs} ms` : `before the socket was ${shown(this.#how)}`;
        throw new Error(`no such event ${when}: ${accepts}; ${JSON.stringify(this.events.slice(-5))}`);
      }
      await this.#woken(left);
    }
  }

  /** The first answer that comes under this id; null where the request had none that could be read. */
  answerTo(id: number | string | null): Promise<Message> {
    return this.#answer(id);
  }

  /** Encodes and sends a frame as it is. */
  send(frame: unknown): void {
    if (this.protocol === MSGPACK_PROTOCOL) this.sendRaw(pack(frame));
    else this.sendRaw(JSON.stringify(frame));
  }

  /** Text as a text frame, bytes as a binary one. */
  sendRaw(frame: string | Uint8Array): void {
    this.#ws.send(frame);
  }

  /** Reads nothing any more, so that the service's buffers fill. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  async close(): Promise<void> {
    if (this.#ws.readyState === WebSocket.CLOSED) return;
    this.#ws.terminate();
    await this.closed;
  }

  get #socket(): Socket {
    return (this.#ws as unknown as { _socket: Socket })._socket;
  }

  /** The answer to a request: the first that `isLast` accepts. */
  #answer(id: unknown, isLast: (answer: Message) => boolean = () => true): Promise<Message> {
    return new Promise((resolve, reject) => {
      const waiting = this.#answers.get(id) ?? [];
      this.#answers.set(id, [...waiting, { isLast, resolve }]);
      void this.closed.then((how) => reject(new Error(shown(how))));
    });
  }

  #onMessage(data: Buffer, binary: boolean): void {
    const message: Message = binary ? unpackr.unpack(data) : JSON.parse(data.toString());
    this.frames.push(message);
    if ('event' in message) this.events.push(message);
    else this.#onAnswer(message);
    this.#wake();
  }

  #onAnswer(answer: Message): void {
    const [first, ...others] = this.#answers.get(answer.id) ?? [];
    if (first === undefined || !first.isLast(answer)) return;
    this.#answers.set(answer.id, others);
    first.resolve(answer);
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }

  async #woken(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#watchers.add(resolve);
      timer = setTimeout(resolve, timeoutMs);
    });
    clearTimeout(timer);
  }
}

function shown({ code, reason, error = '' }: Closed): string {
  return `closed: ${[code, reason, error].filter((part) => part !== '').join(' ')}`;
}
