import { backoffMs, LONGEST_MS } from './backoff.ts';

/** The longest pause of a connection while another connection to the same server is ready. */
const LONGEST_WHILE_ANOTHER_IS_READY_MS = 2000;
/** The longest pause while the process stops and writes are pending. */
const LONGEST_IN_HURRY_MS = 100;

/**
 * Decides when the connections of one process to one server reconnect.
 *
 * Each connection has its own backoff, up to 30 s. Three rules connect them:
 *
 * 1. While one connection is ready, no pause of another connection is longer than 2 s.
 * 2. When one connection becomes ready, connections whose last attempt failed retry at once, because the server is
 *    back. A connection that was ready and was lost waits for its first, short pause. Without this exception two
 *    connections that the server closes at once would make each other reconnect without a pause.
 * 3. After `hurry` no pause is longer than 100 ms.
 */
export class Reconnector {
  readonly #random: () => number;
  readonly #members = new Set<Reconnection>();
  #longestMs = LONGEST_MS;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /**
   * Adds a connection.
   * @param provedBy what resets the backoff of the connection: that it becomes ready, or that its user calls `proved`
   */
  join(provedBy: 'ready' | 'user' = 'ready'): Reconnection {
    const member: Reconnection = new Reconnection({
      provedBy,
      pauseMs: (attempt) => {
        const anotherIsReady = [...this.#members].some((other) => other !== member && other.up);
        const limitMs = anotherIsReady ? LONGEST_WHILE_ANOTHER_IS_READY_MS : LONGEST_MS;
        return backoffMs(attempt, this.#random, Math.min(this.#longestMs, limitMs));
      },
      onReady: () => {
        for (const other of this.#members) if (other !== member && other.refused) other.retryNow();
      },
    });
    this.#members.add(member);
    return member;
  }

  /** Ends every running pause: the address of the server has changed. */
  retryNow(): void {
    for (const member of this.#members) member.retryNow();
  }

  /** The process is about to stop. Retries every connection now, and often from now on. */
  hurry(): void {
    this.#longestMs = LONGEST_IN_HURRY_MS;
    this.retryNow();
  }
}

interface ReconnectionDeps {
  readonly provedBy: 'ready' | 'user';
  readonly pauseMs: (attempt: number) => number;
  readonly onReady: () => void;
}

/** The state of one connection in its `Reconnector`. */
export class Reconnection {
  readonly #deps: ReconnectionDeps;
  #attempt = 0;
  #up = false;
  #refused = false;
  /** Ends the running pause, if any. */
  retryNow: () => void = () => {};

  constructor(deps: ReconnectionDeps) {
    this.#deps = deps;
  }

  /** Whether the connection is ready. */
  get up(): boolean {
    return this.#up;
  }

  /** Whether the last attempt failed before the connection was ready. */
  get refused(): boolean {
    return this.#refused;
  }

  ready(): void {
    this.#up = true;
    this.#refused = false;
    if (this.#deps.provedBy === 'ready') this.proved();
    this.#deps.onReady();
  }

  /** The connection has proved to work. Resets its backoff. */
  proved(): void {
    this.#attempt = 0;
  }

  /** The connection was lost, or an attempt failed. Returns the pause before the next attempt, in ms. */
  broken(): number {
    this.#refused = !this.#up;
    this.#up = false;
    return this.#deps.pauseMs(++this.#attempt);
  }
}
