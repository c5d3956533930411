import type { Version } from '../cache/version.ts';
import type { Counters } from '../metrics/counters.ts';
import type { WebSocket } from '../uws.ts';
import type { Codec, Encoded, RequestId } from './codec.ts';
import { Backlog, type Waiting } from './conflate.ts';
import type { State } from './state.ts';
import type { Subscription } from './subscriptions.ts';

/** Close codes of RFC 6455 and its registry. */
export const CLOSE = {
  policyViolation: 1008,
  tooBig: 1009,
  serviceRestart: 1012,
  tryAgainLater: 1013,
} as const;

export interface ConsumerLimits {
  /** Keys that may wait for a slow consumer. */
  readonly maxPendingKeys: number;
  /** How long a consumer may take nothing at all, in ms. */
  readonly stallMs: number;
}

/**
 * Bytes of answers that a client may leave unread: past that it asks for more than it reads. One answer may be
 * larger by itself.
 */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * One connected client. What is pushed to it goes out at once while the socket takes it; as soon as something
 * is left in the socket's buffer it is a slow consumer, and further states wait in its backlog, one a key,
 * until the buffer is empty.
 */
export class Consumer {
  readonly codec: Codec;
  readonly subscriptions = new Map<RequestId, Subscription<Consumer>>();
  /** Requests whose answer is still to come. */
  inFlight = 0;
  /** Malformed frames in a row. */
  malformed = 0;
  readonly #ws: WebSocket<unknown>;
  readonly #limits: ConsumerLimits;
  readonly #counters: Counters;
  readonly #backlog = new Backlog();
  /** Snapshots under way: what is pushed waits behind them. */
  #holds = 0;
  #blocked = false;
  #lastProgress = 0;
  #closed = false;

  constructor(ws: WebSocket<unknown>, codec: Codec, limits: ConsumerLimits, counters: Counters) {
    this.#ws = ws;
    this.codec = codec;
    this.#limits = limits;
    this.#counters = counters;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends the answer to a request. */
  reply(frame: Encoded): void {
    if (this.#closed) return;
    this.#send(frame);
    const unread = this.#noteBackpressure();
    if (unread > MAX_UNREAD_BYTES + frame.length) this.#giveUp('answers are not read');
  }

  /** Sends what became of some keys, or lets it wait. */
  deliver(states: readonly (readonly [state: State, values: boolean])[]): void {
    if (this.#closed) return;
    let sent = 0;
    if (this.#ready && states.length === 1) {
      // The usual case, for which a cork would cost as much as all else but the system call.
      const [state, values] = states[0]!;
      return this.#push(state.frame(this.codec, values, state.merged));
    }
    if (this.#ready) {
      this.#ws.cork(() => {
        for (; sent < states.length && this.#ready; sent++) {
          const [state, values] = states[sent]!;
          this.#push(state.frame(this.codec, values, state.merged));
        }
      });
      this.#noteBackpressure();
    }
    for (; sent < states.length; sent++) this.#backlog.add(...states[sent]!);
    this.#checkBacklog();
  }

  /** Tells it to drop what it holds: nothing that waits is of use any more. */
  reset(frame: Encoded): void {
    this.#backlog.clear();
    this.notify('reset', frame, () => true);
  }

  /**
   * Tells it to drop the keys that are covered, or lets that wait: a frame sent at once would overtake states
   * and snapshots of before it, and many of them would fill the buffer of one who does not read.
   * @param name the same for notices that say the same
   */
  notify(name: string, frame: Encoded, covers: (key: string) => boolean): void {
    if (this.#closed) return;
    if (this.#ready) {
      this.#push(frame);
      this.#noteBackpressure();
      return;
    }
    this.#backlog.addNotice(name, frame, covers);
    this.#checkBacklog();
  }

  /** Sends the notices that wait, whatever else waits and whether or not the socket takes it. */
  sendNotices(): void {
    if (!this.#closed) this.#backlog.drainNotices((frame) => this.#push(frame));
  }

  /** What is pushed waits from now on, until as many releases. */
  hold(): void {
    this.#holds++;
  }

  /**
   * A snapshot told it this of the key: what waits and says the same need not be sent. Unless a notice waits,
   * for that makes the client drop the snapshot.
   * @param values whether the snapshot has the value, and not only the version
   */
  settle(key: string, version: Version | undefined, values: boolean): void {
    const waiting = this.#backlog.get(key);
    if (waiting === undefined || this.#backlog.noticed) return;
    const { entry } = waiting.state;
    const told = entry?.version === version && (entry === undefined || values || !waiting.values);
    if (told) this.#backlog.delete(key);
  }

  /** What waits of these keys is no longer wanted. */
  forgetWhere(meant: (key: string) => boolean): void {
    this.#backlog.deleteWhere(meant);
  }

  release(): void {
    this.#holds--;
    this.#drainBacklog();
    this.#checkBacklog();
  }

  /** The socket took something. */
  onDrain(now: number): void {
    this.#lastProgress = now;
    if (this.#ws.getBufferedAmount() > 0) return;
    this.#blocked = false;
    this.#drainBacklog();
  }

  /** Resolves when the socket's buffer is empty or the client gone: a long snapshot waits for it. */
  async writable(): Promise<void> {
    while (!this.#closed && this.#ws.getBufferedAmount() > 0)
      await new Promise((resume) => setTimeout(resume, 5));
  }

  /** Closes one that has taken nothing for too long. */
  checkStall(now: number): void {
    if (this.#closed || !this.#blocked) return;
    if (now - this.#lastProgress > this.#limits.stallMs) this.#giveUp('nothing is read');
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#ws.end(code, reason);
  }

  onClose(): void {
    this.#closed = true;
    this.#backlog.clear();
  }

  get #ready(): boolean {
    return !this.#blocked && this.#holds === 0;
  }

  #giveUp(reason: string): void {
    this.#counters.wsSlowCloses++;
    this.close(CLOSE.tryAgainLater, reason);
  }

  // While a snapshot is under way its own findings wait too, until it is sent; so only what is left then counts.
  #checkBacklog(): void {
    if (this.#closed || this.#holds > 0) return;
    if (this.#backlog.size > this.#limits.maxPendingKeys) this.#giveUp('too many keys are pending');
  }

  #drainBacklog(): void {
    if (this.#closed || !this.#ready || this.#backlog.size === 0) return;
    this.#ws.cork(() => {
      this.#backlog.drain((next) => {
        this.#push(isWaiting(next) ? this.#conflated(next) : next);
        return this.#ready;
      });
    });
    this.#noteBackpressure();
  }

  #conflated({ state, values, merged }: Waiting): Encoded {
    this.#counters.wsConflated += merged;
    return state.frame(this.codec, values, state.merged + merged);
  }

  #push(frame: Encoded): void {
    this.#counters.wsPushes++;
    if (this.#send(frame) === 0) this.#block();
  }

  #send(frame: Encoded): number {
    return this.#ws.send(frame, this.codec.encoding === 'msgpack');
  }

  // Inside a cork `send` only fills the cork buffer, so what the socket left is known after it.
  #noteBackpressure(): number {
    const left = this.#closed ? 0 : this.#ws.getBufferedAmount();
    if (left > 0) this.#block();
    return left;
  }

  #block(): void {
    if (this.#blocked) return;
    this.#blocked = true;
    this.#lastProgress = performance.now();
  }
}

function isWaiting(next: Waiting | Encoded): next is Waiting {
  return typeof next === 'object' && 'state' in next;
}
