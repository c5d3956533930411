/** Records writes, acknowledgements and reads, and checks that they agree. */
import { MANY_PROCESSES } from '../../loadtest/target/service.ts';
import type { HeldUp } from './lag.ts';

export interface Ack {
  readonly n: number;
  readonly replica: number;
  /** 201 and 204: Redis has applied the write. 202: the write is pending at that replica. */
  readonly status: 201 | 202 | 204;
  readonly start: number;
  readonly end: number;
}

export interface CounterRead {
  readonly counter: Counter;
  readonly replica: number;
  readonly n: number;
  readonly start: number;
  /** The mark of a reply that may be stale: `coherence=blind`, `detail=pending`. Empty otherwise. */
  readonly mark: string;
}

/** A key whose value is the number of its last write. At most one write is in flight, by any replica. */
export class Counter {
  readonly key: string;
  readonly acks: Ack[] = [];
  attempted = 0;
  underWay = false;
  lastStart = Number.NEGATIVE_INFINITY;
  /**
   * The replica whose last write has an unknown outcome. Later writes must use the same replica,
   * because the unknown write might overtake a write of another replica.
   */
  unsettledAt: number | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** The last acknowledgement before `time` for which `accepts` returns true. */
  lastAck(time = Number.POSITIVE_INFINITY, accepts: (ack: Ack) => boolean = () => true): Ack | undefined {
    return this.acks.findLast((ack) => ack.end < time && accepts(ack));
  }
}

export class Ledger {
  readonly counters: readonly Counter[];
  readonly #byKey: ReadonlyMap<string, Counter>;
  readonly reads: CounterRead[] = [];
  /**
   * Counters of this parity receive no writes, because a later write would hide a lost write.
   */
  resting: 0 | 1 | undefined;

  constructor(count: number) {
    this.counters = Array.from({ length: count }, (_, i) => new Counter(`min_rate:counter-${i}`));
    this.#byKey = new Map(this.counters.map((counter) => [counter.key, counter]));
  }

  /** The counter of this key, if the key is a counter. */
  counterOf(key: string): Counter | undefined {
    return this.#byKey.get(key);
  }

  /** Begins a write of the counter that is unwritten for longest at this replica; its number is `attempted`. */
  begin(replica: number, now: number): Counter | undefined {
    let next: Counter | undefined;
    for (const [i, counter] of this.counters.entries()) {
      const { underWay, unsettledAt, lastStart } = counter;
      if (i % 2 === this.resting || underWay || (unsettledAt !== undefined && unsettledAt !== replica))
        continue;
      if (next === undefined || lastStart < next.lastStart) next = counter;
    }
    if (next === undefined) return undefined;
    next.underWay = true;
    next.attempted++;
    next.lastStart = now;
    return next;
  }

  /** @param status 0 if there was no answer */
  settle(counter: Counter, replica: number, status: number, unknown: boolean, end: number): void {
    const { attempted: n, lastStart: start } = counter;
    counter.underWay = false;
    if (status === 201 || status === 202 || status === 204)
      counter.acks.push({ n, replica, status, start, end });
    if (status === 201 || status === 204) counter.unsettledAt = undefined;
    else if (status !== 202 || unknown) counter.unsettledAt ??= replica;
  }

  /** With several processes for a replica, a pending write is known to one of them only. */
  readsOwnWrites = MANY_PROCESSES.count === 1;

  /**
   * Reads that returned an older number than promised. A replica must return its own acknowledged writes at once.
   * An unmarked reply must include writes that Redis has had for longer than the bound. After `recoveredAt`
   * every reply must include all writes acknowledged for longer than the bound. Delays of the machine
   * do not count.
   */
  stale(boundMs: number, recoveredAt: number, heldUp: HeldUp): string[] {
    const found: string[] = [];
    for (const { counter, replica, n, start, mark } of this.reads) {
      const own = this.readsOwnWrites ? counter.lastAck(start, (ack) => ack.replica === replica) : undefined;
      const settled = counter.lastAck(
        start - boundMs,
        ({ status, end }) =>
          (start > recoveredAt || status !== 202) && start - end - heldUp(end, start) > boundMs,
      );
      const expected = Math.max(own?.n ?? 0, start > recoveredAt || mark === '' ? (settled?.n ?? 0) : 0);
      if (n >= expected) continue;
      const when = (start - recoveredAt).toFixed(0);
      found.push(
        `${counter.key} was #${n} at replica ${replica} and not #${expected}, ${when} ms after recovery ${mark}`,
      );
    }
    return found;
  }

  /**
   * Acknowledged writes that are missing at the end without a later write.
   * @param lostBefore the time at which Redis lost its data: earlier writes to Redis do not count
   */
  lost(truth: ReadonlyMap<string, number>, lostBefore = Number.NEGATIVE_INFINITY): string[] {
    const found: string[] = [];
    for (const counter of this.counters) {
      const last = counter.lastAck(undefined, ({ status, start, end }) =>
        status === 202 ? end >= lostBefore : start >= lostBefore,
      );
      const n = truth.get(counter.key) ?? 0;
      if (last !== undefined && n < last.n)
        found.push(`${counter.key} is #${n}, and #${last.n} was acknowledged with ${last.status}`);
      if (n > counter.attempted) found.push(`${counter.key} is #${n}, which was never written`);
    }
    return found;
  }
}
