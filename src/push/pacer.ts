import type { Version } from '../cache/version.ts';
import type { State } from './state.ts';

/** A state to deliver: whether the subscriber wants the value, and its shortest time between two states of a key, in ms. */
export type Delivery = readonly [state: State, values: boolean, interval?: number];

interface Resting {
  until: number;
  readonly interval: number;
  waiting: Delivery | undefined;
}

/** How often waiting states are looked at, at most. */
const TICK_MS = 10;

/**
 * Holds back the states of keys whose subscriber wants at most one in an interval. The first state of a key is sent at
 * once. Then the key rests, and only its newest state waits.
 */
export class Pacer {
  readonly #send: (due: readonly Delivery[]) => void;
  readonly #resting = new Map<string, Resting>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer ends, as `performance.now()`. */
  #wake = Number.POSITIVE_INFINITY;

  /** @param send receives states whose time has come */
  constructor(send: (due: readonly Delivery[]) => void) {
    this.#send = send;
  }

  /** Whether a state waits. */
  get isWaiting(): boolean {
    for (const { waiting } of this.#resting.values()) if (waiting !== undefined) return true;
    return false;
  }

  /** Returns the deliveries that may be sent now. The others wait. */
  admit(deliveries: readonly Delivery[]): readonly Delivery[] {
    if (this.#resting.size === 0 && deliveries.every(([, , interval = 0]) => interval === 0))
      return deliveries;
    const now = performance.now();
    return deliveries.filter((delivery) => this.#admitOne(delivery, now));
  }

  /** Drops the waiting states for which this is true. */
  deleteWhere(matches: (state: State) => boolean): void {
    for (const resting of this.#resting.values())
      if (resting.waiting !== undefined && matches(resting.waiting[0])) resting.waiting = undefined;
  }

  /** Replaces the waiting states. */
  replaceAll(after: (state: State) => State): void {
    for (const resting of this.#resting.values()) {
      if (resting.waiting === undefined) continue;
      const [state, ...wish] = resting.waiting;
      const next = after(state);
      if (next !== state) resting.waiting = [next, ...wish];
    }
  }

  /**
   * Drops the waiting state of a key if the client has received it in a snapshot.
   * @param values whether the snapshot contains the value, not only the version
   */
  settle(key: string, version: Version | undefined, values: boolean): void {
    const resting = this.#resting.get(key);
    if (resting?.waiting === undefined) return;
    const [{ entry }, wantsValue] = resting.waiting;
    if (entry?.version === version && (entry === undefined || values || !wantsValue))
      resting.waiting = undefined;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#wake = Number.POSITIVE_INFINITY;
    this.#resting.clear();
  }

  #admitOne([state, values, interval = 0]: Delivery, now: number): boolean {
    const resting = this.#resting.get(state.key);
    if (interval === 0) {
      this.#resting.delete(state.key);
      return true;
    }
    if (resting === undefined) {
      this.#resting.set(state.key, { until: now + interval, interval, waiting: undefined });
      this.#wakeAt(now + interval, now);
      return true;
    }
    const replaced = resting.waiting === undefined ? 0 : resting.waiting[0].merged + 1;
    const newest = replaced === 0 ? state : state.replacing(replaced);
    resting.waiting = [newest, values, interval];
    return false;
  }

  /** Looks at the waiting states at this time at the latest. */
  #wakeAt(time: number, now: number): void {
    if (time >= this.#wake) return;
    clearTimeout(this.#timer);
    this.#wake = time;
    this.#timer = setTimeout(() => this.#tick(), Math.max(TICK_MS, time - now)).unref();
  }

  #tick(): void {
    const now = performance.now();
    const due: Delivery[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [key, resting] of this.#resting) {
      if (resting.until <= now && resting.waiting === undefined) this.#resting.delete(key);
      else if (resting.until <= now) {
        due.push(resting.waiting!);
        resting.waiting = undefined;
        resting.until = now + resting.interval;
      }
      next = Math.min(next, resting.until);
    }
    this.#wake = Number.POSITIVE_INFINITY;
    if (this.#resting.size > 0) this.#wakeAt(next, now);
    if (due.length > 0) this.#send(due);
  }
}
