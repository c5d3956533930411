/** What the tests of the client share: clients that close with the test, and a proxy that records frames. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/node.ts';
import type { Options } from '../../src/client/options.ts';

/** A busy machine may take this long between a write and the clock of the test. */
export const MOST_AGE_MS = 60_000;
/** A near cache that stays connected and trusted while a busy machine stops a process for a few seconds. */
export const NEAR: Options = { nearCache: { maxEntries: 1000 }, timeoutMs: 30_000, maxSilenceMs: 10_000 };
/** For tests of silence: the default of one second. */
export const IMPATIENT: Options = { ...NEAR, maxSilenceMs: 1000 };

/** A client that closes at the end of the test. */
export async function clientOf(
  t: TestContext,
  service: { readonly port: number },
  options: Options = NEAR,
): Promise<Client> {
  const client = await connect(`ws://127.0.0.1:${service.port}`, { connectTimeoutMs: 30_000, ...options });
  t.after(() => client.close());
  return client;
}

/** Resolves when the near cache may be trusted. */
export async function trusted(client: Client): Promise<void> {
  await until(() => client.state.isTrusted);
}

/** Writes as another program does. */
export async function write(service: Service, key: string, value: unknown, ttl?: number): Promise<string> {
  const path = `/v1/cache/${encodeURIComponent(key)}${ttl === undefined ? '' : `?ttl=${ttl}`}`;
  const answer = await service.fetch(path, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(value),
  });
  if (!answer.ok) throw new Error(`PUT was answered ${answer.status}`);
  return answer.headers.get('etag')!.slice(1, -1);
}

/** Asserts that values are written and read with their origin, that their age counts from it, and that newer data wins. */
export async function assertOrigins(client: Client): Promise<void> {
  const asOf = 1_506_514_800_250;
  const written = await client.set('calculation:O', 1, { asOf, source: 'ibkr', ifNewer: true });
  const read = await client.get('calculation:O');
  assert.deepEqual([read.asOf, read.source, read.value], [asOf, 'ibkr', 1]);
  for (const age of [written.age!, read.age!]) {
    const elapsed = Date.now() - asOf - age;
    assert.ok(Math.abs(elapsed) < MOST_AGE_MS, String(age));
  }
  const older = { asOf: asOf - 1, source: 'ibkr', ifNewer: true } as const;
  await assert.rejects(client.set('calculation:O', 2, older), { code: 'precondition_failed' });
  await client.set('calculation:O', 3);
  const plain = await client.get('calculation:O');
  assert.deepEqual([plain.asOf, plain.source, plain.value], [undefined, undefined, 3]);
}

// biome-ignore lint/suspicious/noExplicitAny: a test asserts the frames that it reads
export type Frame = Record<string, any>;

/** Stands between a client and a service. It records the requests, and holds back answers and events on demand. */
export class Relay {
  readonly requests: Frame[] = [];
  /** Answers and events of the service. */
  readonly frames: Frame[] = [];
  /** Frames of the service for which this is true wait until `release`. */
  holds: (frame: Frame) => boolean = () => false;
  readonly held: Frame[] = [];
  readonly listening: Promise<unknown>;
  readonly #server: WebSocketServer;
  readonly #pairs = new Set<{ readonly client: WebSocket; readonly service: WebSocket }>();
  #waiting: (() => void)[] = [];

  constructor(service: { readonly port: number }) {
    this.#server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    this.listening = once(this.#server, 'listening');
    this.#server.on('connection', (client) => {
      const upstream = new WebSocket(`ws://127.0.0.1:${service.port}/v1/ws`, client.protocol, {
        perMessageDeflate: false,
      });
      const pair = { client, service: upstream };
      this.#pairs.add(pair);
      const opened = new Promise((resolve) => upstream.once('open', resolve));
      client.on('message', (data) => {
        const frame = JSON.parse(String(data));
        this.requests.push(frame);
        void opened.then(() => upstream.send(String(data)));
      });
      upstream.on('message', (data) => {
        const frame = JSON.parse(String(data));
        this.frames.push(frame);
        const send = () => client.send(String(data));
        if (!this.holds(frame)) return send();
        this.held.push(frame);
        this.#waiting.push(send);
      });
      for (const socket of [client, upstream]) {
        socket.on('error', () => {});
        socket.on('close', () => {
          client.terminate();
          upstream.terminate();
          this.#pairs.delete(pair);
        });
      }
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** The requests with this operation. */
  of(...ops: readonly string[]): Frame[] {
    return this.requests.filter(({ op }) => ops.includes(op));
  }

  /** Sends what was held back, and holds nothing back any more. */
  release(): void {
    this.holds = () => false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const send of waiting) send();
  }

  /** Resets all connections. */
  cut(): void {
    for (const { client } of this.#pairs) client.terminate();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A relay that closes at the end of the test. */
export async function relayTo(t: TestContext, service: { readonly port: number }): Promise<Relay> {
  const relay = new Relay(service);
  await relay.listening;
  t.after(() => relay.close());
  return relay;
}
