import type { Lane } from '../../../loadtest/pacer/lane.ts';
import type { PacerTime } from '../../../loadtest/pacer/pacer.ts';

const TICKS_PER_TURN = 500;
const RECONNECT_MS = 50;

/** A time in milliseconds that passes as fast as this process counts it, so that a busy machine changes no figure. */
export class VirtualTime implements PacerTime {
  #now = 0;
  readonly #due: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  /** Runs it at that time; what is due at one time runs in the order it was asked for. */
  at(at: number, run: () => void): void {
    const next = this.#due.findIndex((each) => each.at > at);
    this.#due.splice(next === -1 ? this.#due.length : next, 0, { at, run });
  }

  every(periodMs: number, onTick: () => void): () => Promise<void> {
    let stopped = false;
    let ticks = 0;
    const turn = () => {
      for (let i = 0; i < TICKS_PER_TURN && !stopped; i++) {
        this.#passTo(++ticks * periodMs);
        onTick();
      }
      if (!stopped) setImmediate(turn);
    };
    setImmediate(turn);
    return async () => {
      stopped = true;
    };
  }

  #passTo(now: number): void {
    while (this.#due.length > 0 && this.#due[0]!.at <= now) {
      const { at, run } = this.#due.shift()!;
      this.#now = at;
      run();
    }
    this.#now = now;
  }
}

/**
 * A connection to a server that answers as the test says.
 * @param answeredAt when the answer to a request sent at `now` arrives; Infinity for never
 */
export function virtualLane(time: VirtualTime, answeredAt: (now: number) => number): Lane {
  let request = 0;
  const lane: Lane = {
    send() {
      const sent = ++request;
      const at = answeredAt(time.now());
      if (at === Number.POSITIVE_INFINITY) return;
      time.at(at, () => {
        if (sent === request) lane.onAnswer({ status: '200', hits: 1, misses: 0 });
      });
    },
    reset() {
      request++;
      time.at(time.now() + RECONNECT_MS, () => lane.onReady());
    },
    close() {},
    onReady: () => {},
    onAnswer: () => {},
    onBroken: () => {},
  };
  queueMicrotask(() => lane.onReady());
  return lane;
}
