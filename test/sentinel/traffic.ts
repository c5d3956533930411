/** Writes through one replica of the service and reads through both, and judges what the reads return. */
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { get, put, readIntoL1 } from '../support/client.ts';

export const KEYS = ['sentinel:A', 'sentinel:B', 'sentinel:C'];

/** A key that is not written any more. Both replicas have it in L1, so each read of it is 200. */
const STABLE = 'sentinel:stable';

/** The promised bound is HEARTBEAT_TIMEOUT_MS. The rest is for what a busy machine adds between reply and record. */
const BOUND_MS = 1000 + 500;

export interface Verdict {
  reads: number;
  /** Reads without an answer, or with another one than 200 and 404 `cache_unknown`. */
  readonly failedReads: string[];
  /** 404 `cache_unknown`: L1 has no value, because the key was written and not read since, and Redis did not answer. */
  unknownReads: number;
  /** Unmarked reads that were older than a write which was confirmed more than the bound before. */
  readonly staleReads: string[];
  /** Reads through the writing replica that were older than its last write. */
  readonly lostOwnWrites: string[];
  slowestReadMs: number;
  readonly writes: Map<number, number>;
}

interface Confirmed {
  readonly value: number;
  readonly at: number;
}

export interface Traffic {
  /** The last value of each key that was acknowledged with 201, 204 or 202. */
  readonly last: ReadonlyMap<string, number>;
  readonly verdict: Verdict;
  stop(): Promise<void>;
}

/** Writes increasing numbers to each key through the first replica, and reads through both, until it is stopped. */
export async function startTraffic(writer: Service, other: Service): Promise<Traffic> {
  const last = new Map<string, number>();
  const confirmed = new Map<string, Confirmed[]>(KEYS.map((key) => [key, []]));
  const verdict: Verdict = {
    reads: 0,
    failedReads: [],
    unknownReads: 0,
    staleReads: [],
    lostOwnWrites: [],
    slowestReadMs: 0,
    writes: new Map(),
  };
  let running = true;

  const write = async (key: string) => {
    for (let value = (last.get(key) ?? 0) + 1; running; value++) {
      const { status } = await put(writer, key, String(value));
      verdict.writes.set(status, (verdict.writes.get(status) ?? 0) + 1);
      if (status < 300) last.set(key, value);
      if (status === 201 || status === 204) confirmed.get(key)!.push({ value, at: performance.now() });
      await pause(10);
    }
  };
  const read = async (service: Service, key: string) => {
    while (running) {
      const start = performance.now();
      const own = last.get(key)!;
      const due = confirmed.get(key)?.findLast(({ at }) => at < start - BOUND_MS)?.value ?? 0;
      verdict.reads++;
      try {
        const answer = await get(service, key);
        const value = Number(await answer.text());
        const cacheStatus = answer.headers.get('cache-status') ?? '';
        verdict.slowestReadMs = Math.max(verdict.slowestReadMs, performance.now() - start);
        const what = `${key}=${value} (${answer.status} ${cacheStatus})`;
        const unknown = answer.status === 404 && cacheStatus.includes('detail=l2-');
        if (unknown && key !== STABLE) verdict.unknownReads++;
        else if (answer.status !== 200) verdict.failedReads.push(what);
        else if (service === writer && value < own) verdict.lostOwnWrites.push(`${what}, written ${own}`);
        else if (!cacheStatus.includes('coherence') && value < due)
          verdict.staleReads.push(`${what}, confirmed ${due}`);
      } catch (error) {
        verdict.failedReads.push(`${key}: ${error}`);
      }
      await pause(3);
    }
  };

  const keys = [...KEYS, STABLE];
  // Repeated, because Redis may answer after its timeout on a busy machine: the write would still be pending.
  for (const key of keys) {
    await until(async () => [201, 204].includes((await put(writer, key, '0')).status), { timeoutMs: 60_000 });
    last.set(key, 0);
  }
  // Both have the keys in L1, so that an outage finds a value.
  for (const service of [writer, other]) await readIntoL1(service, ...keys);
  const loops = [...KEYS.map(write), ...keys.flatMap((key) => [read(writer, key), read(other, key)])];
  return {
    last,
    verdict,
    async stop() {
      running = false;
      await Promise.all(loops);
    },
  };
}
