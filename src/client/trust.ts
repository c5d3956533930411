import type { Coherence, HeartbeatEvent, Position } from './protocol.ts';

/**
 * What the heartbeats of the present connection prove: until when entries of the near cache may be trusted, and the time
 * of the service.
 */
export class Trust {
  readonly #maxSilenceMs: number;
  /** Entries are trusted before this time of `performance.now()`. */
  until = 0;
  /** When the entries were last known to be current, by `performance.now()`. */
  provedAt = Number.NEGATIVE_INFINITY;
  coherence: Coherence = 'blind';
  /** The latest position; of an earlier connection, until the present one has its first heartbeat. */
  position: Position | undefined;
  /** When the latest answered request for heartbeats was sent, by `performance.now()`. */
  #askedAt = Number.NEGATIVE_INFINITY;
  /** The clock of the service minus `performance.now()`. Before the first heartbeat it is the clock of this machine. */
  #offset = performance.timeOrigin;

  constructor(maxSilenceMs: number) {
    this.#maxSilenceMs = maxSilenceMs;
  }

  /** A request for heartbeats has its answer. Every heartbeat after it was sent later than the request. */
  onAnswer(askedAt: number): void {
    this.#askedAt = askedAt;
  }

  /**
   * A heartbeat proves the state of the time when it was sent. It may have waited in a buffer while this process was
   * stopped or the network was slow, so the time of its arrival proves nothing.
   */
  onHeartbeat({ coherence, time, epoch, offset }: HeartbeatEvent, now: number): void {
    this.position = { epoch, offset };
    this.#offset = time - now;
    this.coherence = coherence;
    if (coherence !== 'coherent') return this.lose();
    this.provedAt = this.#askedAt;
    this.until = this.#askedAt + this.#maxSilenceMs;
  }

  lose(): void {
    this.until = 0;
  }

  /** The time of the service, in ms since the epoch, at a time of `performance.now()`. */
  timeAt(now: number): number {
    return now + this.#offset;
  }
}
