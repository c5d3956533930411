import type { Address } from '../support/dial.ts';
import { RawWs } from '../support/raw-ws.ts';
import type { Prepared } from '../traffic/prepared.ts';
import { type Answer, hitsIn, type Lane, RECONNECT_MS } from './lane.ts';

const OK = Buffer.from('"ok":true');
const CODE = /"code":"([a-z0-9_]+)"/;

/** A WebSocket with at most one request in flight. The status of an answer is `ok` or its code. */
export class WsLane implements Lane {
  onReady = () => {};
  onAnswer = (_answer: Answer) => {};
  onBroken = () => {};
  readonly #address: Address;
  readonly #head: string | undefined;
  #ws: RawWs | undefined;
  #request: Prepared | undefined;
  #closed = false;

  /** @param head header lines of the upgrade, each with its line end */
  constructor(address: Address, head?: string) {
    this.#address = address;
    this.#head = head;
    void this.#connect();
  }

  send(request: Prepared): void {
    this.#request = request;
    this.#ws!.sendFrame(request.bytes);
  }

  reset(): void {
    this.#request = undefined;
    this.#ws?.close();
    this.#later();
  }

  close(): void {
    this.#closed = true;
    this.#ws?.close();
  }

  async #connect(): Promise<void> {
    if (this.#closed) return;
    try {
      const ws = await RawWs.dial(this.#address, this.#head);
      if (this.#closed) return ws.close();
      ws.onFrame = (payload) => this.#onFrame(payload);
      ws.onGone = () => {
        this.#request = undefined;
        this.onBroken();
        this.#later();
      };
      this.#ws = ws;
    } catch {
      return this.#later();
    }
    this.onReady();
  }

  #later(): void {
    this.#ws = undefined;
    setTimeout(() => void this.#connect(), RECONNECT_MS);
  }

  #onFrame(payload: Buffer): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#request = undefined;
    const ok = payload.includes(OK);
    const status = ok ? 'ok' : (CODE.exec(payload.toString())?.[1] ?? 'error');
    const hits = ok && request.hits !== 'none' ? hitsIn(payload, request.keys) : 0;
    this.onAnswer({ status, hits, misses: ok ? request.keys - hits : 0 });
  }
}
