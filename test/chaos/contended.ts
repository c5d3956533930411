/** Keys that both replicas and another program write concurrently, with checks of their promises. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pick, type Random } from '../../loadtest/support/random.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { pack, unpack } from '../../src/redis/envelope.ts';
import { WRITE_SCRIPT } from '../../src/redis/scripts.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';
import { History, type Op, type Read } from '../consistency/history.ts';
import type { HeldUp } from './lag.ts';
import type { Connection } from './stage.ts';

export const CONTENDED_KEYS: readonly string[] = Array.from(
  { length: 8 },
  (_, i) => `volatility:contended-${i}`,
);

const LIMITS = { compressionThresholdBytes: 0, maxValueBytes: 10_000 };
const TTL_MS = 600_000;
const REST_MS = 15;

export class Contended {
  readonly #history = new History(() => false);

  begin(key: string, replica: number | undefined, now: number): Op {
    return this.#history.begin(key, 'write', now, replica);
  }

  /** @param version the version in the answer; undefined if the answer has none */
  settle(op: Op, status: number, version: string | undefined, now: number): void {
    if (version === undefined) return;
    op.version = version;
    if (status === 201 || status === 204) op.end = now;
    if (status === 202) op.pendingFrom = now;
  }

  read(read: Omit<Read, 'coherence'>): void {
    // This check ignores the coherence that the replica reported.
    this.#history.reads.push({ ...read, coherence: 'degraded' });
  }

  /** Unmarked reads older than the bound, and all reads older than an earlier answer of their replica. */
  stale(boundMs: number, heldUp: HeldUp): string[] {
    return this.#history.check(boundMs, heldUp).violations;
  }

  /** Acknowledged writes whose key is missing or older in Redis. @param since only writes that began since then */
  async lost(connection: Connection, since = Number.NEGATIVE_INFINITY): Promise<string[]> {
    const values = await connection.mgetBuffer(CONTENDED_KEYS.map((key) => PREFIX + key));
    const found: string[] = [];
    for (const [i, key] of CONTENDED_KEYS.entries()) {
      const stored = values[i] && unpack(key, values[i], LIMITS)?.version;
      for (const { n, version, start, replica, key: of } of this.#history.ops)
        if (of === key && start >= since && version !== undefined && !(stored && stored >= version))
          found.push(
            `${key} has version ${stored}, and #${n} of ${replica} was acknowledged with ${version}`,
          );
    }
    return found;
  }
}

/** Starts a program that writes contended keys directly to Redis. Returns a function that stops it. */
export function writeContended(
  connection: Connection,
  contended: Contended,
  random: Random,
): () => Promise<void> {
  const versions = new VersionClock('f0f0f0f0');
  let stopped = false;
  const write = async () => {
    const op = contended.begin(pick(CONTENDED_KEYS, random), undefined, performance.now());
    const now = Date.now();
    const value = { encoding: 'json', body: String(op.n) } as const;
    const envelope = pack(value, versions.next(), now, now + TTL_MS, LIMITS);
    const args = ['', '', '', 'set', '', now + TTL_MS, envelope, ''];
    const answer = connection.callBuffer('EVAL', [WRITE_SCRIPT, 1, PREFIX + op.key, ...args]);
    const [[status, version]] = (await answer) as [[Buffer, Buffer]];
    if (status.toString() !== 'error') contended.settle(op, 201, version.toString('hex'), performance.now());
  };
  const run = async () => {
    for (; !stopped; await sleep(2 * REST_MS * random())) await write().catch(() => undefined);
  };
  const running = run();
  return async () => {
    stopped = true;
    await running;
  };
}
