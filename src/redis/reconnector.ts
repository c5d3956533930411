import { backoffMs, LONGEST_MS } from './backoff.ts';

/** The longest pause of a connection while another connection to the same server works. */
const LONGEST_IN_COMPANY_MS = 2000;
/** The longest pause while the process stops and writes are pending. */
const LONGEST_IN_HURRY_MS = 100;

/**
 * Decides when the connections of one process to one server are made again.
 *
 * Each connection has its own growing pauses, up to 30 s. Three rules join them:
 *
 * 1. While one connection works, the pauses of the others end after 2 s at the latest.
 * 2. When one connection becomes ready, those that could not be made retry at once: the server is back. A
 *    connection that was ready and broke waits out its first, short pause. Without this exception two connections
 *    that the server closes at once would call each other back without any pause.
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
   * @param provedBy what shows that the connection is of use, so that its pauses start with the shortest again:
   *   that it is ready, or that its user calls `proved`
   */
  join(provedBy: 'ready' | 'user' = 'ready'): Reconnection {
    const member: Reconnection = new Reconnection({
      provedBy,
      pauseMs: (attempt) => {
        const inCompany = [...this.#members].some((other) => other !== member && other.up);
        const longestMs = inCompany ? Math.min(this.#longestMs, LONGEST_IN_COMPANY_MS) : this.#longestMs;
        return backoffMs(attempt, this.#random, longestMs);
      },
      onReady: () => {
        for (const other of this.#members) if (other !== member && other.refused) other.retryNow();
      },
    });
    this.#members.add(member);
    return member;
  }

  /** The process is about to end: retries everything now, and from now on often. */
  hurry(): void {
    this.#longestMs = LONGEST_IN_HURRY_MS;
    for (const member of this.#members) member.retryNow();
  }
}

interface ReconnectionDeps {
  readonly provedBy: 'ready' | 'user';
  readonly pauseMs: (attempt: number) => number;
  readonly onReady: () => void;
}

/** One connection, as `Reconnector` sees it. */
export class Reconnection {
  readonly #deps: ReconnectionDeps;
  #attempt = 0;
  #up = false;
  #refused = false;
  /** Ends the pause that is running; does nothing where none is. */
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

  /** The connection is ready. */
  ready(): void {
    this.#up = true;
    this.#refused = false;
    if (this.#deps.provedBy === 'ready') this.proved();
    this.#deps.onReady();
  }

  /** The connection is of use. */
  proved(): void {
    this.#attempt = 0;
  }

  /** The connection broke, or could not be made. Returns how long to wait before the next attempt, in ms. */
  broken(): number {
    this.#refused = !this.#up;
    this.#up = false;
    return this.#deps.pauseMs(++this.#attempt);
  }
}
