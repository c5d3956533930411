import { HttpLane } from '../pacer/http-lane.ts';
import { http } from '../traffic/prepared.ts';

const POLL_MS = 5;

/** The connections that write updates, each with at most one in flight. Further updates wait. */
export class Updates {
  /** Called when an update was refused, or its connection broke. */
  onError = () => {};
  readonly #keys: number;
  readonly #lanes: readonly HttpLane[];
  readonly #ready: HttpLane[] = [];
  #due = 0;
  #sent = 0;

  /** @param keys number of keys; the updates write them in turn */
  constructor(port: number, connections: number, keys: number) {
    this.#keys = keys;
    this.#lanes = Array.from({ length: connections }, () => new HttpLane({ port }));
    for (const lane of this.#lanes) this.#attach(lane);
  }

  /** Waits until all connections are open. @throws after the timeout */
  async opened(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.#ready.length < this.#lanes.length) {
      if (performance.now() > deadline) throw new Error('the connections for updates could not be opened');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Sends all updates before the `due`-th that have not been sent. */
  sendUntil(due: number): void {
    this.#due = due;
    this.#send();
  }

  close(): void {
    for (const lane of this.#lanes) lane.close();
  }

  #send(): void {
    while (this.#sent < this.#due && this.#ready.length > 0) {
      const n = this.#sent++;
      this.#ready.shift()!.send(http.set(`borrow_rate:PUSH${n % this.#keys}`, `{"rate":0.0525,"n":${n}}`));
    }
  }

  #attach(lane: HttpLane): void {
    lane.onReady = () => {
      this.#ready.push(lane);
      this.#send();
    };
    lane.onAnswer = ({ status, last }) => {
      if (Number(status) >= 400) this.onError();
      if (!last) lane.onReady();
    };
    lane.onBroken = () => {
      this.onError();
      const at = this.#ready.indexOf(lane);
      if (at !== -1) this.#ready.splice(at, 1);
    };
  }
}
