/**
 * The history of a run, and the checks of its promises. Times are of one clock, in milliseconds. Everything here is
 * pure, so that the checks themselves can be tested.
 */
import { MANY_PROCESSES } from '../../loadtest/target/service.ts';

/** A change that a client or another program requested. */
export interface Op {
  readonly key: string;
  readonly kind: 'write' | 'delete';
  /** The number that was written, unique within the key; 0 for a delete. */
  readonly n: number;
  readonly start: number;
  /** The replica that received the request; undefined for another program. */
  readonly replica: number | undefined;
  /** When the change was acknowledged; Infinity while it is unknown whether it took effect. */
  end: number;
  /** When the replica answered that the change is pending; Infinity without such an answer. */
  pendingFrom: number;
  /** Set when the change is acknowledged or read. */
  version: string | undefined;
  /** The change certainly did not take effect. */
  refused: boolean;
}

export interface Read {
  readonly replica: number;
  readonly key: string;
  /** The number that was read; 0 for a miss. */
  readonly n: number;
  readonly version: string | undefined;
  readonly start: number;
  readonly end: number;
  /** The state in `Cache-Status`; empty when coherent. */
  readonly coherence: '' | 'degraded' | 'blind';
  /**
   * The answer shows that L2 was not used, or that the change is pending. Such an answer must only be as new as the
   * replica's own earlier answers to writes.
   */
  readonly marked: boolean;
}

export interface Findings {
  /** The longest time between the acknowledgement of a write and the start of a read that returned an older value. */
  worstStalenessMs: number;
  readonly violations: string[];
}

type HeldUp = (from: number, to: number, read: Read) => number;

/**
 * Orders the changes of one key. If the versions of the key only grow, the versions are the order. The versions of a key
 * that is deleted or has values without a version may go back. Then only one thing is certain: a change that was
 * acknowledged before another change was requested came first.
 */
class KeyOrder {
  readonly byNumber = new Map<number, Op>();
  readonly #sure: Op[];
  readonly #deletes: Op[];
  readonly #writes: Op[];
  readonly #versioned: boolean;
  readonly #byStart: Op[];
  readonly #byVersion: Op[];
  /** For each place in `#byStart` and `#byVersion`, the earliest acknowledgement from that place on. */
  readonly #endFromStart: number[];
  readonly #endFromVersion: number[];

  constructor(ops: readonly Op[], unversioned: boolean) {
    this.#versioned = !unversioned;
    this.#sure = ops.filter(({ refused, end }) => !refused && end < Number.POSITIVE_INFINITY);
    this.#deletes = ops.filter(({ kind, refused }) => kind === 'delete' && !refused);
    this.#writes = ops.filter(({ kind }) => kind === 'write');
    for (const op of this.#writes) this.byNumber.set(op.n, op);
    this.#byStart = [...this.#sure].sort((a, b) => a.start - b.start);
    this.#byVersion = this.#sure
      .filter(({ version }) => version !== undefined)
      .sort((a, b) => (a.version! < b.version! ? -1 : 1));
    this.#endFromStart = suffixMin(this.#byStart);
    this.#endFromVersion = suffixMin(this.#byVersion);
  }

  /** The earliest acknowledgement of a change that certainly came after the value read; Infinity without such a change. */
  overwrittenAt(read: Read): number {
    if (read.n === 0) return this.#recreatedAt(read);
    const op = this.byNumber.get(read.n);
    if (op === undefined) return Number.POSITIVE_INFINITY;
    const byTime = this.#endOfOpsAfter(op.end);
    if (!this.#versioned) return byTime;
    const at = firstIndex(this.#byVersion, ({ version }) => version! > read.version!);
    return Math.min(byTime, this.#endFromVersion[at] ?? Number.POSITIVE_INFINITY);
  }

  /** The same for a miss. The key may have been absent until the end of the last delete that the read can have seen. */
  #recreatedAt(read: Read): number {
    let goneUntil = Number.NEGATIVE_INFINITY;
    for (const { start, end } of this.#deletes) if (start < read.end && end > goneUntil) goneUntil = end;
    return this.#endOfOpsAfter(goneUntil);
  }

  #endOfOpsAfter(time: number): number {
    const at = firstIndex(this.#byStart, ({ start }) => start > time);
    return this.#endFromStart[at] ?? Number.POSITIVE_INFINITY;
  }

  /** A change that the same replica had answered before the read, and that certainly came after the value read. */
  ownMissedBy(read: Read): Op | undefined {
    const seen = this.byNumber.get(read.n);
    if (seen === undefined) return undefined;
    return this.#writes.find((op) => {
      if (op.replica !== read.replica || op.refused) return false;
      if (!this.#versioned) return op.end < read.start && op.start > seen.end;
      const answeredAt = Math.min(op.end, op.pendingFrom);
      return op.version !== undefined && op.version > read.version! && answeredAt < read.start;
    });
  }

  /** Whether the value of `later` had certainly been replaced before the value of `earlier` existed. */
  wentBack(earlier: Read, later: Read): boolean {
    if (later.n === earlier.n) return false;
    if (later.n === 0) return this.#deletes.length === 0;
    if (earlier.n === 0) return false;
    if (this.#versioned) return later.version! < earlier.version!;
    const [from, to] = [this.byNumber.get(earlier.n), this.byNumber.get(later.n)];
    return from !== undefined && to !== undefined && to.end < from.start;
  }
}

export class History {
  readonly ops: Op[] = [];
  readonly reads: Read[] = [];
  /** Restarts of Redis, at which all data may have been lost. */
  readonly losses: { start: number; end: number }[] = [];
  readonly #unversioned: (key: string) => boolean;
  readonly #counts = new Map<string, number>();

  /** @param unversioned whether the versions of the key may go back */
  constructor(unversioned: (key: string) => boolean) {
    this.#unversioned = unversioned;
  }

  /** Records the request of a change. */
  begin(key: string, kind: Op['kind'], start: number, replica?: number): Op {
    const n = kind === 'write' ? (this.#counts.get(key) ?? 0) + 1 : 0;
    if (kind === 'write') this.#counts.set(key, n);
    const op = opOf(key, kind, n, start, Number.POSITIVE_INFINITY, replica);
    this.ops.push(op);
    return op;
  }

  /**
   * A failover may have lost changes that other programs made in this interval: Redis replicates them later. Their
   * outcomes are unknown from now on. Changes of the service wait for a replica, so they stay certain.
   */
  unreplicated(from: number, to: number): void {
    for (const op of this.ops)
      if (op.replica === undefined && op.end >= from && op.end <= to) op.end = Number.POSITIVE_INFINITY;
  }

  /**
   * Whether one process answers all requests of a replica. Otherwise a connection reaches any of them, as behind a load
   * balancer: then only the bound of staleness holds, and no promise about own writes or the order of reads.
   */
  replicasAreProcesses = MANY_PROCESSES.count === 1;

  /**
   * @param boundMs how long after the acknowledgement of a write a read may start and still return an older value
   * @param heldUp how long the processes that the read depends on waited for a CPU in an interval; this time does not count
   */
  check(boundMs: number, heldUp: HeldUp = () => 0): Findings {
    const findings: Findings = { worstStalenessMs: 0, violations: [] };
    const orders = this.#orders();
    this.#checkStaleness(orders, boundMs, heldUp, findings);
    if (this.replicasAreProcesses) this.#checkBackwards(orders, findings);
    return findings;
  }

  #orders(): Map<string, KeyOrder> {
    const ops = new Map<string, Op[]>();
    for (const op of this.ops) {
      const ofKey = ops.get(op.key);
      if (ofKey === undefined) ops.set(op.key, [op]);
      else ofKey.push(op);
    }
    const orders = new Map<string, KeyOrder>();
    for (const [key, own] of ops) {
      const lost = this.losses.map(({ start, end }) => opOf(key, 'delete', 0, start, end));
      orders.set(key, new KeyOrder([...own, ...lost], this.#unversioned(key)));
    }
    return orders;
  }

  /** A read that starts later than the bound after an acknowledged write does not return an older value. */
  #checkStaleness(
    orders: ReadonlyMap<string, KeyOrder>,
    boundMs: number,
    heldUp: HeldUp,
    findings: Findings,
  ): void {
    for (const read of this.reads) {
      const order = orders.get(read.key);
      if (order === undefined) continue;
      if (read.n !== 0 && !order.byNumber.has(read.n)) {
        findings.violations.push(`no writer wrote the value: ${show(read)}`);
        continue;
      }
      // After a data loss, an older pending write of a replica may bring back an older value.
      const missed =
        this.losses.length === 0 && this.replicasAreProcesses ? order.ownMissedBy(read) : undefined;
      if (missed !== undefined)
        findings.violations.push(
          `the replica had answered the newer write #${missed.n} before: ${show(read)}`,
        );
      if (read.marked) continue;
      const overwrittenAt = order.overwrittenAt(read);
      if (overwrittenAt >= read.start) continue;
      const staleness = read.start - overwrittenAt - heldUp(overwrittenAt, read.start, read);
      findings.worstStalenessMs = Math.max(findings.worstStalenessMs, staleness);
      if (staleness > boundMs) findings.violations.push(`stale by ${staleness.toFixed(1)} ms: ${show(read)}`);
    }
  }

  /**
   * A read of a key at a coherent replica does not return an older state than an earlier read at that replica.
   * An answer in a lesser state in between starts the check again.
   */
  #checkBackwards(orders: ReadonlyMap<string, KeyOrder>, findings: Findings): void {
    const replicas = new Set(this.reads.map(({ replica }) => replica));
    for (const replica of replicas) {
      const reads = this.reads.filter((read) => read.replica === replica);
      const byEnd = [...reads].sort((a, b) => a.end - b.end);
      const newest = new Map<string, Read>();
      let ended = 0;
      for (const read of [...reads].sort((a, b) => a.start - b.start)) {
        for (; ended < byEnd.length && byEnd[ended]!.end < read.start; ended++) {
          const past = byEnd[ended]!;
          if (past.coherence !== '' || past.marked) newest.clear();
          else {
            const known = newest.get(past.key);
            if (known === undefined || !orders.get(past.key)?.wentBack(known, past))
              newest.set(past.key, past);
          }
        }
        const before = newest.get(read.key);
        if (before === undefined || read.coherence !== '' || read.marked) continue;
        if (orders.get(read.key)?.wentBack(before, read))
          findings.violations.push(`went back: ${show(before)} and then ${show(read)}`);
      }
    }
  }
}

function opOf(key: string, kind: Op['kind'], n: number, start: number, end: number, replica?: number): Op {
  const pendingFrom = Number.POSITIVE_INFINITY;
  return { key, kind, n, start, end, replica, pendingFrom, version: undefined, refused: false };
}

function show({ replica, key, n, version, start, end, coherence, marked }: Read): string {
  const what = n === 0 ? 'none' : `#${n} (${version})`;
  return `${key} was ${what} at replica ${replica}, ${start.toFixed(1)} to ${end.toFixed(1)} ${coherence}${marked ? ' marked' : ''}`;
}

function suffixMin(ops: readonly Op[]): number[] {
  const mins: number[] = new Array(ops.length);
  let min = Number.POSITIVE_INFINITY;
  for (let i = ops.length - 1; i >= 0; i--) {
    min = Math.min(min, ops[i]!.end);
    mins[i] = min;
  }
  return mins;
}

/** The first index from which all elements are accepted. */
function firstIndex<T>(sorted: readonly T[], accepts: (element: T) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (accepts(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
