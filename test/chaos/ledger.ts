/** What was written, what was acknowledged, and whether what is read agrees. */
import type { HeldUp } from './lag.ts';

export interface Ack {
  readonly n: number;
  readonly replica: number;
  /** 201 and 204: Redis has it. 202: it is in the pending writes of that replica. */
  readonly status: 201 | 202 | 204;
  readonly start: number;
  readonly end: number;
}

export interface CounterRead {
  readonly counter: Counter;
  readonly replica: number;
  readonly n: number;
  readonly start: number;
  /** What the reply said of itself, where it is not simply true: `coherence=blind`, `detail=pending`. */
  readonly mark: string;
}

/** A key whose value is the number of its last write. There is one write at a time, by whichever replica. */
export class Counter {
  readonly key: string;
  readonly acks: Ack[] = [];
  attempted = 0;
  underWay = false;
  lastStart = Number.NEGATIVE_INFINITY;
  /**
   * Nobody knows whether and when a write of this replica takes effect. A client that is told so asks the same
   * replica again: what another one writes meanwhile might be overtaken.
   */
  unsettledAt: number | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** The last acknowledgement of before `time` that is accepted. */
  lastAck(time = Number.POSITIVE_INFINITY, accepts: (ack: Ack) => boolean = () => true): Ack | undefined {
    return this.acks.findLast((ack) => ack.end < time && accepts(ack));
  }
}

export class Ledger {
  readonly counters: readonly Counter[];
  readonly #byKey: ReadonlyMap<string, Counter>;
  readonly reads: CounterRead[] = [];
  /**
   * Every other counter is left alone: those of this parity. A later write would make up for one that was lost.
   */
  resting: 0 | 1 | undefined;

  constructor(count: number) {
    this.counters = Array.from({ length: count }, (_, i) => new Counter(`min_rate:counter-${i}`));
    this.#byKey = new Map(this.counters.map((counter) => [counter.key, counter]));
  }

  /** The counter of this key, if it is one. */
  counterOf(key: string): Counter | undefined {
    return this.#byKey.get(key);
  }

  /** The counter that has rested longest, of those that this replica may write; its next number is `attempted`. */
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

  /** @param status 0 for no answer */
  settle(counter: Counter, replica: number, status: number, unknown: boolean, end: number): void {
    const { attempted: n, lastStart: start } = counter;
    counter.underWay = false;
    if (status === 201 || status === 202 || status === 204)
      counter.acks.push({ n, replica, status, start, end });
    if (status === 201 || status === 204) counter.unsettledAt = undefined;
    else if (status !== 202 || unknown) counter.unsettledAt ??= replica;
  }

  /**
   * Reads that gave less than had to be known: to the replica that acknowledged a write itself, at once; to
   * every other, if its reply claims to be true, what Redis has had for longer than the bound; from
   * `recoveredAt` on everything that was acknowledged for so long, whatever the reply claims. The time that the machine
   * held anybody up does not count.
   */
  stale(boundMs: number, recoveredAt: number, heldUp: HeldUp): string[] {
    const found: string[] = [];
    for (const { counter, replica, n, start, mark } of this.reads) {
      const own = counter.lastAck(start, (ack) => ack.replica === replica);
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
   * Acknowledged writes that are not there at the end, nor anything later.
   * @param lostBefore where Redis lost its data: what it had by then is not counted
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
      if (n > counter.attempted) found.push(`${counter.key} is #${n}, which nobody wrote`);
    }
    return found;
  }
}
