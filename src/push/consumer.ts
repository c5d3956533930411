import type { Clock } from '../cache/clock.ts';
import type { Version } from '../cache/version.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Codec, Encoded, RequestId } from './codec.ts';
import { Backlog, type Waiting } from './conflate.ts';
import { Gate } from './gate.ts';
import type { Position } from './history.ts';
import type { Owner } from './owner.ts';
import { type Delivery, Pacer } from './pacer.ts';
import { Usage } from './quota.ts';
import { Registered } from './registered.ts';
import type { State } from './state.ts';
import type { Subscription } from './subscriptions.ts';
import type { Transport } from './transport.ts';

/** Close codes of RFC 6455 and its IANA registry. */
export const CLOSE = {
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  /** A code of this service: the client must authenticate again. */
  unauthenticated: 4401,
} as const;

export interface ConsumerLimits {
  /** Keys that may be queued for a slow consumer. */
  readonly maxPendingKeys: number;
  /** How long a slow consumer may read nothing before it is closed, in ms. */
  readonly stallMs: number;
}

/** Bytes of answers that a client may leave unread. A single answer may be larger. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * One connected client, by WebSocket or event stream. States are sent at once while the socket accepts them. As soon as
 * bytes remain in the buffer of the socket, the client is a slow consumer. Further states are then queued in its
 * backlog, one per key, until the buffer is empty.
 */
export class Consumer {
  readonly codec: Codec;
  readonly owner: Owner;
  readonly subscriptions = new Map<RequestId, Subscription<Consumer>>();
  /** The names of its subscriptions, and its registered keys. */
  readonly usage = new Usage();
  registered = new Registered();
  /** It has received all changes before this position. Set by its first subscription or heartbeat. */
  position: Position | undefined;
  /** Its snapshots scan one after the other. */
  readonly scans = new Gate(1);
  /** Requests without an answer yet. */
  inFlight = 0;
  /** The length of all answers so far: bytes, or characters of JSON. */
  answered = 0;
  /** Malformed frames in a row. */
  malformed = 0;
  readonly #transport: Transport;
  readonly #limits: ConsumerLimits;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #backlog = new Backlog();
  readonly #pacer = new Pacer((due) => this.#deliverNow(due));
  /** Snapshots in progress: states are queued until they are sent. */
  #holds = 0;
  #blocked = false;
  #lastProgress = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    transport: Transport,
    codec: Codec,
    owner: Owner,
    limits: ConsumerLimits,
    counters: Counters,
    clock: Clock,
  ) {
    this.#transport = transport;
    this.owner = owner;
    this.codec = codec;
    this.#limits = limits;
    this.#counters = counters;
    this.#clock = clock;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends the answer to a request. */
  reply(frame: Encoded): void {
    if (this.#closed) return;
    this.answered += frame.length;
    // uWS returns 1 where the frame left, or waits in its cork: then nothing is unread.
    if (this.#send(frame) === 1) return;
    const unread = this.#noteBackpressure();
    if (unread > MAX_UNREAD_BYTES + frame.length) this.#closeSlow('the client does not read its answers');
  }

  /** Whether states wait for their interval. */
  get isPaced(): boolean {
    return this.#pacer.isWaiting;
  }

  /** Sends new states of keys, or queues them. */
  deliver(deliveries: readonly Delivery[]): void {
    if (this.#closed) return;
    if (this.#backlog.size === 0) return this.#deliverNow(this.#pacer.admit(deliveries));
    // A queued state has not been sent. A newer state of its key takes its place, and does not wait for the interval.
    const isQueued = ([{ key }]: Delivery) => this.#backlog.get(key) !== undefined;
    const others = deliveries.filter((each) => !isQueued(each));
    this.#deliverNow([...deliveries.filter(isQueued), ...this.#pacer.admit(others)]);
  }

  #deliverNow(states: readonly Delivery[]): void {
    if (states.length === 0) return;
    let sent = 0;
    if (this.#ready && states.length === 1) {
      // The usual case. A cork would cost as much as everything else except the system call.
      const [state, values] = states[0]!;
      return this.#push(state.frame(this.codec, values, state.merged, this.#clock.now));
    }
    if (this.#ready) {
      this.#transport.cork(() => {
        for (; sent < states.length && this.#ready; sent++) {
          const [state, values] = states[sent]!;
          this.#push(state.frame(this.codec, values, state.merged, this.#clock.now));
        }
      });
      this.#noteBackpressure();
    }
    for (; sent < states.length; sent++) this.#backlog.add(states[sent]![0], states[sent]![1]);
    this.#checkBacklog();
  }

  /** Tells the client to drop all its entries. Queued states are obsolete. */
  reset(frame: Encoded): void {
    this.#pacer.clear();
    this.#backlog.clear();
    this.notify('reset', frame, (state) => state);
  }

  /**
   * Sends a notice that invalidates many keys. For a slow consumer the notice is queued. If it were sent at
   * once, it would overtake earlier states and snapshots, and many notices would fill the buffer of the socket.
   * @param name identifies the notice: of several queued notices with one name, only the last is sent
   * @param after returns what the notice makes of a queued state: a deletion, if its value is obsolete
   */
  notify(name: string, frame: Encoded, after: (state: State) => State): void {
    if (this.#closed) return;
    this.#pacer.replaceAll(after);
    if (this.#ready) {
      this.#push(frame);
      this.#noteBackpressure();
      return;
    }
    this.#backlog.addNotice(name, frame, after);
    this.#checkBacklog();
  }

  /** Sends the queued notices at once, also to a consumer that is slow or on hold. */
  sendNotices(): void {
    if (!this.#closed) this.#backlog.drainNotices((frame) => this.#push(frame));
  }

  /**
   * Sends a heartbeat now and then at every interval, in place of an earlier interval. A heartbeat proves that the
   * client has received all earlier events. So no heartbeat is sent while the client is slow or a snapshot is in
   * progress.
   * @param frame sends the states that the heartbeat must not overtake, and returns the heartbeat
   */
  beat(intervalMs: number, frame: () => Encoded): void {
    clearInterval(this.#heartbeat);
    const send = () => {
      if (this.#closed || !this.#ready) return;
      const beat = frame();
      // The states that `frame` sent may have filled the socket. The states that are queued now would arrive after the beat.
      if (this.#closed || !this.#ready) return;
      this.#send(beat);
      this.#noteBackpressure();
    };
    this.#heartbeat = setInterval(send, intervalMs);
    this.#heartbeat.unref();
    send();
  }

  /** Queues states from now on, until `release` has been called once for each `hold`. */
  hold(): void {
    this.#holds++;
  }

  /**
   * Removes the queued state of a key that the client has just received in a snapshot. If a notice is queued the state
   * stays, because the notice will invalidate the entry of the snapshot.
   * @param values whether the snapshot contains the value, not only the version
   */
  settle(key: string, version: Version | undefined, values: boolean): void {
    this.#pacer.settle(key, version, values);
    const waiting = this.#backlog.get(key);
    if (waiting === undefined || this.#backlog.noticed) return;
    const { entry } = waiting.state;
    const received = entry?.version === version && (entry === undefined || values || !waiting.values);
    if (received) this.#backlog.delete(key);
  }

  /** Removes the queued states of keys that the client no longer subscribes to. */
  forgetWhere(matches: (key: string) => boolean): void {
    this.#backlog.deleteWhere(matches);
    this.#pacer.deleteWhere(({ key }) => matches(key));
  }

  release(): void {
    this.#holds--;
    this.#drainBacklog();
    this.#checkBacklog();
  }

  /** The socket has sent some of its buffer. */
  onDrain(now: number): void {
    this.#lastProgress = now;
    if (this.#transport.getBufferedAmount() > 0) return;
    this.#blocked = false;
    this.#drainBacklog();
  }

  /** Resolves when the buffer of the socket is empty or the client has disconnected. Long snapshots wait for it. */
  async writable(): Promise<void> {
    while (!this.#closed && this.#transport.getBufferedAmount() > 0)
      await new Promise((resume) => setTimeout(resume, 5));
  }

  /** Closes a slow consumer that has read nothing for `stallMs`. */
  checkStall(now: number): void {
    if (this.#closed || !this.#blocked) return;
    if (now - this.#lastProgress > this.#limits.stallMs) this.#closeSlow('the client reads nothing');
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#transport.end(code, reason);
  }

  onClose(): void {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#pacer.clear();
    this.#backlog.clear();
  }

  get #ready(): boolean {
    return !this.#blocked && this.#holds === 0;
  }

  #closeSlow(reason: string): void {
    this.#counters.wsSlowCloses++;
    this.close(CLOSE.tryAgainLater, reason);
  }

  // During a snapshot the states that it read are queued too, until it is sent. So the limit applies after it.
  #checkBacklog(): void {
    if (this.#closed || this.#holds > 0) return;
    if (this.#backlog.size > this.#limits.maxPendingKeys) this.#closeSlow('too many keys are queued');
  }

  #drainBacklog(): void {
    if (this.#closed || !this.#ready || this.#backlog.size === 0) return;
    this.#transport.cork(() => {
      this.#backlog.drain((next) => {
        this.#push(isWaiting(next) ? this.#conflated(next) : next);
        return this.#ready;
      });
    });
    this.#noteBackpressure();
  }

  #conflated({ state, values, merged }: Waiting): Encoded {
    this.#counters.wsConflated += merged;
    return state.frame(this.codec, values, state.merged + merged, this.#clock.now);
  }

  #push(frame: Encoded): void {
    this.#counters.wsPushes++;
    if (this.#send(frame) === 0) this.#block();
  }

  #send(frame: Encoded): number {
    return this.#transport.send(frame, this.codec.encoding === 'msgpack');
  }

  // Inside a cork `send` only fills the cork buffer. The socket's buffered amount is known after the cork.
  #noteBackpressure(): number {
    const left = this.#closed ? 0 : this.#transport.getBufferedAmount();
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
