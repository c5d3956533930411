/** A steady open-loop load: requests are sent on schedule, even if earlier requests are unanswered. */
import { type Dispatcher, Pool } from 'undici';
import { pick, type Random } from '../../loadtest/support/random.ts';
import { connectWs, type WsClient } from '../support/ws-client.ts';
import { CONTENDED_KEYS, type Contended } from './contended.ts';
import type { HeldUp } from './lag.ts';
import type { Counter, Ledger } from './ledger.ts';
import type { Stage } from './stage.ts';

export type Kind = 'read' | 'mget' | 'socket' | 'write';

export interface Sample {
  readonly kind: Kind;
  readonly replica: number;
  /** The scheduled time of the request. */
  readonly due: number;
  readonly end: number;
  /** The latency from the scheduled time, in ms. */
  readonly ms: number;
  /** `ms` without the delays that the machine caused to the generator, the replicas and Redis. */
  readonly ownMs: number;
  /** 0 if there was no answer. */
  readonly status: number;
  readonly mark: string;
}

export interface LoadDeps {
  readonly urls: readonly string[];
  /** Requests a second to each replica. */
  readonly rates: readonly number[];
  /** One socket to each replica, for reads by WebSocket. */
  readonly sockets: readonly WsClient[];
  readonly ledger: Ledger;
  readonly contended: Contended;
  readonly heldUp: HeldUp;
  readonly random: Random;
}

/** The result for a key from mget or from a `get` by WebSocket. */
interface Item {
  readonly key: string;
  readonly status?: string;
  readonly value?: unknown;
  readonly version?: string;
  readonly code?: string;
}

interface Learned {
  readonly replica: number;
  readonly key: string;
  readonly value: unknown;
  readonly version: string | undefined;
  readonly start: number;
  readonly mark: string;
}

/** Keys that exist and do not change. */
export const FIXED_KEYS: readonly string[] = Array.from({ length: 120 }, (_, i) => `min_rate:fixed-${i}`);

const TICK_MS = 2;
const JSON_HEADERS = { 'content-type': 'application/json' };
const MGET_KEYS = 5;
// 60 % of the requests are GETs, 10 % reads by WebSocket, 10 % batches of reads, and the rest writes.
const READS = 0.6;
const SOCKET_READS = 0.1;
const MGETS = 0.1;
/** The share of writes to contended keys. */
const CONTENDED = 0.3;

/** Connects and starts the load. */
export async function startLoad(
  { replicas }: Pick<Stage, 'replicas'>,
  deps: Omit<LoadDeps, 'urls' | 'sockets'>,
): Promise<Load> {
  const sockets = await Promise.all(replicas.map((replica) => connectWs(replica)));
  return new Load({ ...deps, sockets, urls: replicas.map(({ url }) => url) });
}

export class Load {
  readonly samples: Sample[] = [];
  readonly #deps: LoadDeps;
  readonly #pools: readonly Pool[];
  readonly #open = new Set<Promise<void>>();
  readonly #start = performance.now();
  readonly #sent: number[];
  readonly #timer: NodeJS.Timeout;

  constructor(deps: LoadDeps) {
    this.#deps = deps;
    this.#pools = deps.urls.map((url) => new Pool(url, { connections: 512, keepAliveTimeout: 60_000 }));
    this.#sent = deps.urls.map(() => 0);
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  /** Stops sending and waits for requests in flight. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
    for (const socket of this.#deps.sockets) socket.close();
  }

  #sendDue(): void {
    const elapsed = performance.now() - this.#start;
    this.#deps.rates.forEach((rate, replica) => {
      for (; (this.#sent[replica]! * 1000) / rate <= elapsed; this.#sent[replica]!++) {
        const due = this.#start + (this.#sent[replica]! * 1000) / rate;
        const request = this.#send(replica, due).finally(() => this.#open.delete(request));
        this.#open.add(request);
      }
    });
  }

  async #send(replica: number, due: number): Promise<void> {
    const { ledger, random } = this.#deps;
    const dice = random();
    if (dice < READS) return this.#read(replica, due, this.#anyKey());
    if (dice < READS + SOCKET_READS) return this.#readBySocket(replica, due, this.#anyKey());
    if (dice < READS + SOCKET_READS + MGETS) return this.#mget(replica, due);
    if (random() < CONTENDED) return this.#writeContended(replica, due);
    const counter = ledger.begin(replica, performance.now());
    if (counter !== undefined) await this.#write(replica, due, counter);
  }

  #anyKey(): string {
    const { ledger, random } = this.#deps;
    const dice = random();
    if (dice < 0.35) return pick(ledger.counters, random).key;
    return pick(dice < 0.5 ? CONTENDED_KEYS : FIXED_KEYS, random);
  }

  async #read(replica: number, due: number, key: string): Promise<void> {
    const start = performance.now();
    const answer = await this.#ask(replica, 'read', due, { method: 'GET', path: pathOf(key) });
    if (answer.status === 200)
      this.#learn({
        replica,
        key,
        value: JSON.parse(answer.body),
        start,
        mark: answer.mark,
        version: answer.version,
      });
  }

  async #readBySocket(replica: number, due: number, key: string): Promise<void> {
    const start = performance.now();
    const item = await this.#deps.sockets[replica]!.request('get', { key });
    const mark = [item.coherence, item.code].filter((each) => each !== undefined).join(' ');
    this.#sample('socket', replica, due, item.ok ? 200 : 500, mark);
    this.#learnItem(item as unknown as Item, replica, start, mark);
  }

  async #mget(replica: number, due: number): Promise<void> {
    const start = performance.now();
    const keys = Array.from({ length: MGET_KEYS }, () => this.#anyKey());
    const body = JSON.stringify({ keys });
    const answer = await this.#ask(replica, 'mget', due, {
      method: 'POST',
      path: '/v1/mget',
      headers: JSON_HEADERS,
      body,
    });
    if (answer.status !== 200) return;
    const { results } = JSON.parse(answer.body) as { results: Item[] };
    for (const item of results) this.#learnItem(item, replica, start, item.code ?? '');
  }

  #learnItem({ key, status, value, version }: Item, replica: number, start: number, mark: string): void {
    if (status === 'hit') this.#learn({ replica, key, value, start, mark, version });
  }

  #learn({ replica, key, value, start, mark, version }: Learned): void {
    const { ledger, contended } = this.#deps;
    const counter = ledger.counterOf(key);
    if (counter !== undefined) ledger.reads.push({ counter, replica, n: value as number, start, mark });
    if (!CONTENDED_KEYS.includes(key)) return;
    const marked = /detail|l2_|write_unknown/.test(mark);
    contended.read({ replica, key, n: value as number, version, start, end: performance.now(), marked });
  }

  async #writeContended(replica: number, due: number): Promise<void> {
    const { contended, random } = this.#deps;
    const op = contended.begin(pick(CONTENDED_KEYS, random), replica, performance.now());
    const { status, version } = await this.#ask(replica, 'write', due, {
      method: 'PUT',
      path: pathOf(op.key),
      headers: JSON_HEADERS,
      body: String(op.n),
    });
    contended.settle(op, status, version, performance.now());
  }

  async #write(replica: number, due: number, counter: Counter): Promise<void> {
    const answer = await this.#ask(replica, 'write', due, {
      method: 'PUT',
      path: pathOf(counter.key),
      headers: JSON_HEADERS,
      body: String(counter.attempted),
    });
    const unknown = answer.body.includes('"unknown"');
    this.#deps.ledger.settle(counter, replica, answer.status, unknown, performance.now());
  }

  async #ask(
    replica: number,
    kind: Kind,
    due: number,
    options: Omit<Dispatcher.RequestOptions, 'origin'>,
  ): Promise<{ status: number; mark: string; body: string; version: string | undefined }> {
    let [status, mark, body] = [0, '', ''];
    let version: string | undefined;
    try {
      const answer = await this.#pools[replica]!.request(options);
      body = await answer.body.text();
      status = answer.statusCode;
      mark = markOf(String(answer.headers['cache-status'] ?? ''), kind, body);
      const { etag } = answer.headers;
      version = typeof etag === 'string' ? etag.slice(1, -1) : undefined;
    } catch {
      // Status 0 stands for no answer.
    }
    this.#sample(kind, replica, due, status, mark);
    return { status, mark, body, version };
  }

  #sample(kind: Kind, replica: number, due: number, status: number, mark: string): void {
    const end = performance.now();
    const ms = end - due;
    const ownMs = Math.max(0, ms - this.#deps.heldUp(due, end));
    this.samples.push({ kind, replica, due, end, ms, ownMs, status, mark });
  }
}

/** The mark of a reply that may be stale, or `error` for a batch with a failed item. */
function markOf(cacheStatus: string, kind: Kind, body: string): string {
  if (kind === 'mget') return body.includes('"status":"error"') ? 'error' : '';
  return cacheStatus.match(/(?:coherence|detail)=[\w-]+/g)?.join(' ') ?? '';
}

function pathOf(key: string): string {
  return `/v1/cache/${key}`;
}
