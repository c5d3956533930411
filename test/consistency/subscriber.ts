/** A client that keeps a copy of all keys by the rules of the WebSocket protocol. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Service } from '../../loadtest/target/service.ts';
import { DELETABLE_PATTERN, TYPES, unversioned } from './keys.ts';

interface Item {
  readonly key: string;
  readonly version?: string;
  readonly value?: { readonly n: number };
  readonly code?: string;
}

/** The id of the requests that end the previous subscription. */
const UNSUBSCRIBE = 0;

export class Subscriber {
  readonly held = new Map<string, { n: number; version: string }>();
  readonly violations: string[] = [];
  /** Received events. */
  pushes = 0;
  resets = 0;
  readonly replica: number;
  readonly #service: Service;
  #ws: WebSocket | undefined;
  #subscription = 0;
  #stopped = false;

  constructor(service: Service, replica: number) {
    this.#service = service;
    this.replica = replica;
  }

  /** Connects, and reconnects whenever the connection ends. Resolves after the first subscription was sent. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#connect(resolve));
  }

  stop(): void {
    this.#stopped = true;
    this.#ws?.terminate();
  }

  #connect(onOpen = () => {}): void {
    if (this.#stopped) return;
    const url = `ws://127.0.0.1:${this.#service.port}/v1/ws`;
    const ws = new WebSocket(url, ['ratecache.v1.json'], { perMessageDeflate: false });
    this.#ws = ws;
    ws.on('error', () => {});
    ws.on('open', () => {
      this.held.clear();
      this.#subscribe();
      onOpen();
    });
    ws.on('message', (data) => this.#onMessage(JSON.parse(String(data))));
    ws.on('close', () => void sleep(20).then(() => this.#connect(onOpen)));
  }

  /** Ends the present subscription and starts a new one with a new id. */
  #subscribe(): void {
    this.#send({ id: UNSUBSCRIBE, op: 'unsubscribe' });
    this.#subscription++;
    this.#send({ id: this.#subscription, op: 'subscribe', types: TYPES, values: true });
  }

  async #subscribeLater(subscription: number): Promise<void> {
    await sleep(100);
    if (subscription === this.#subscription) this.#subscribe();
  }

  #send(frame: object): void {
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(frame));
  }

  // biome-ignore lint/suspicious/noExplicitAny: a frame is what it is
  #onMessage(message: any): void {
    if (message.event === undefined) this.#onAnswer(message);
    else {
      this.pushes++;
      this.#onEvent(message);
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: a frame is what it is
  #onAnswer(message: any): void {
    // Earlier events belong to the subscription that has ended, which no longer reports deletions.
    if (message.id === UNSUBSCRIBE) this.held.clear();
    if (message.id !== this.#subscription) return;
    // L2 did not answer for all keys, so the client subscribes again.
    const incomplete = !message.ok || message.snapshot.some((item: Item) => item.code !== undefined);
    if (incomplete) void this.#subscribeLater(message.id);
    for (const item of message.snapshot ?? []) this.#keep(item);
  }

  // biome-ignore lint/suspicious/noExplicitAny: a frame is what it is
  #onEvent(message: any): void {
    switch (message.event) {
      case 'update':
        return this.#keep(message);
      case 'invalidate':
        if (message.pattern === DELETABLE_PATTERN) this.#dropAll('event_risk:');
        else this.held.delete(message.key);
        return;
      case 'reset':
        this.resets++;
        this.held.clear();
        if (message.reason === 'rearmed') this.#subscribe();
    }
  }

  #dropAll(prefix: string): void {
    for (const key of this.held.keys()) if (key.startsWith(prefix)) this.held.delete(key);
  }

  #keep({ key, version, value }: Item): void {
    if (version === undefined || value === undefined) return;
    const before = this.held.get(key);
    if (before !== undefined && !unversioned(key) && version < before.version)
      this.violations.push(
        `replica ${this.replica} pushed ${key} #${value.n} (${version}) after #${before.n} (${before.version})`,
      );
    this.held.set(key, { n: value.n, version });
  }
}
