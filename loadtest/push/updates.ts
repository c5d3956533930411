import { HttpLane } from '../pacer/http-lane.ts';
import { http } from '../traffic/prepared.ts';

const POLL_MS = 5;

/** The connections that updates are written over, each with one on its way at most; what is due meanwhile waits. */
export class Updates {
  /** An update was refused, or its connection broke. */
  onError = () => {};
  readonly #keys: number;
  readonly #lanes: readonly HttpLane[];
  readonly #ready: HttpLane[] = [];
  #due = 0;
  #sent = 0;

  /** @param keys that the updates go round */
  constructor(port: number, connections: number, keys: number) {
    this.#keys = keys;
    this.#lanes = Array.from({ length: connections }, () => new HttpLane(port));
    for (const lane of this.#lanes) this.#attach(lane);
  }

  /** @throws where the connections are not open after so long */
  async opened(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.#ready.length < this.#lanes.length) {
      if (performance.now() > deadline) throw new Error('the connections for updates could not be opened');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** All before the `due`-th are to be sent now. */
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
    lane.onAnswer = ({ status }) => {
      if (Number(status) >= 400) this.onError();
      lane.onReady();
    };
    lane.onBroken = () => {
      this.onError();
      const at = this.#ready.indexOf(lane);
      if (at !== -1) this.#ready.splice(at, 1);
    };
  }
}
