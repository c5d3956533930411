/** A steady open-loop load: requests leave when they are due, whether or not earlier ones were answered. */
import { type Dispatcher, Pool } from 'undici';
import { below, pick, type Random } from '../support/random.ts';
import type { Lag } from './lag.ts';
import type { Counter, Ledger } from './ledger.ts';

export type Kind = 'read' | 'mget' | 'write';

export interface Sample {
  readonly kind: Kind;
  readonly replica: number;
  /** When it was due. */
  readonly due: number;
  readonly end: number;
  /** From when it was due, in ms. */
  readonly ms: number;
  /** `ms` without what the generator itself was held up meanwhile. */
  readonly ownMs: number;
  /** 0 for no answer. */
  readonly status: number;
  readonly mark: string;
}

export interface LoadParts {
  readonly urls: readonly string[];
  /** Requests a second to each. */
  readonly rates: readonly number[];
  readonly ledger: Ledger;
  readonly lag: Lag;
  readonly random: Random;
}

/** Keys that exist and do not change. */
export const FIXED_KEYS: readonly string[] = Array.from({ length: 120 }, (_, i) => `min_rate:fixed-${i}`);

const TICK_MS = 2;
const JSON_HEADERS = { 'content-type': 'application/json' };
const MGET_KEYS = 5;
// 70 % of the requests are reads, 10 % batches of reads, and the rest writes.
const READS = 0.7;
const MGETS = 0.1;

export class Load {
  readonly samples: Sample[] = [];
  readonly #parts: LoadParts;
  readonly #pools: readonly Pool[];
  readonly #open = new Set<Promise<void>>();
  readonly #start = performance.now();
  readonly #sent: number[];
  readonly #timer: NodeJS.Timeout;

  constructor(parts: LoadParts) {
    this.#parts = parts;
    this.#pools = parts.urls.map((url) => new Pool(url, { connections: 512, keepAliveTimeout: 60_000 }));
    this.#sent = parts.urls.map(() => 0);
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  /** Sends no more, and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  #sendDue(): void {
    const elapsed = performance.now() - this.#start;
    this.#parts.rates.forEach((rate, replica) => {
      for (; (this.#sent[replica]! * 1000) / rate <= elapsed; this.#sent[replica]!++) {
        const due = this.#start + (this.#sent[replica]! * 1000) / rate;
        const request = this.#send(replica, due).finally(() => this.#open.delete(request));
        this.#open.add(request);
      }
    });
  }

  async #send(replica: number, due: number): Promise<void> {
    const { ledger, random } = this.#parts;
    const dice = random();
    if (dice < READS) {
      const counter = random() < 0.4 ? pick(ledger.counters, random) : undefined;
      return this.#read(replica, due, counter);
    }
    if (dice < READS + MGETS) return this.#mget(replica, due);
    const counter = ledger.begin(replica, performance.now());
    if (counter !== undefined) await this.#write(replica, due, counter);
  }

  async #read(replica: number, due: number, counter: Counter | undefined): Promise<void> {
    const start = performance.now();
    const key = counter?.key ?? pick(FIXED_KEYS, this.#parts.random);
    const { status, mark, body } = await this.#ask(replica, 'read', due, {
      method: 'GET',
      path: pathOf(key),
    });
    if (counter === undefined || status !== 200) return;
    this.#parts.ledger.reads.push({ counter, replica, n: JSON.parse(body), start, mark });
  }

  async #mget(replica: number, due: number): Promise<void> {
    const { random, ledger } = this.#parts;
    const keys = Array.from({ length: MGET_KEYS }, () =>
      random() < 0.5 ? pick(FIXED_KEYS, random) : ledger.counters[below(ledger.counters.length, random)]!.key,
    );
    const body = JSON.stringify({ keys });
    await this.#ask(replica, 'mget', due, { method: 'POST', path: '/v1/mget', headers: JSON_HEADERS, body });
  }

  async #write(replica: number, due: number, counter: Counter): Promise<void> {
    const answer = await this.#ask(replica, 'write', due, {
      method: 'PUT',
      path: pathOf(counter.key),
      headers: JSON_HEADERS,
      body: String(counter.attempted),
    });
    const unknown = answer.body.includes('"unknown"');
    this.#parts.ledger.settle(counter, replica, answer.status, unknown, performance.now());
  }

  async #ask(
    replica: number,
    kind: Kind,
    due: number,
    options: Omit<Dispatcher.RequestOptions, 'origin'>,
  ): Promise<{ status: number; mark: string; body: string }> {
    let [status, mark, body] = [0, '', ''];
    try {
      const answer = await this.#pools[replica]!.request(options);
      body = await answer.body.text();
      status = answer.statusCode;
      mark = markOf(String(answer.headers['cache-status'] ?? ''), kind, body);
    } catch {
      // Status 0 says so.
    }
    const end = performance.now();
    const ms = end - due;
    const ownMs = ms - this.#parts.lag.within(due, end);
    this.samples.push({ kind, replica, due, end, ms, ownMs, status, mark });
    return { status, mark, body };
  }
}

/** What of the reply says that something is wrong. A batch in which an item failed says so too. */
function markOf(cacheStatus: string, kind: Kind, body: string): string {
  if (kind === 'mget') return body.includes('"status":"error"') ? 'error' : '';
  return cacheStatus.match(/(?:coherence|detail)=[\w-]+/g)?.join(' ') ?? '';
}

function pathOf(key: string): string {
  return `/v1/cache/${key}`;
}
