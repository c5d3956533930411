/** Preparation and checks of a stage before and after a fault. */

import { until } from '../../loadtest/support/until.ts';
import { MANY_PROCESSES, type Service } from '../../loadtest/target/service.ts';
import { unpack } from '../../src/redis/envelope.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';
import { post, put } from '../support/client.ts';
import type { Ledger } from './ledger.ts';
import { FIXED_KEYS } from './load.ts';
import type { Stage } from './stage.ts';

const RECOVERY_MS = 60_000;
const ENVELOPE_LIMITS = { compressionThresholdBytes: 0, maxValueBytes: 10_000 };

/** Writes the keys that do not change. */
export async function fill(service: Service): Promise<void> {
  const entries = FIXED_KEYS.map((key) => ({ key, value: { rate: 0.0525, source: 'chaos' } }));
  await (await post(service, '/v1/mset', { entries })).arrayBuffer();
}

/** The time at which every replica has recovered; Infinity if one does not recover. */
export async function recovery(replicas: readonly Service[]): Promise<number> {
  const options = { timeoutMs: RECOVERY_MS, everyMs: 15 };
  const all = Promise.all(replicas.map((replica) => until(() => hasRecovered(replica), options)));
  return all.then(() => performance.now()).catch(() => Number.POSITIVE_INFINITY);
}

async function hasRecovered(replica: Service): Promise<boolean> {
  const health = await (await replica.fetch('/health')).json();
  const { coherence, pending_writes: pending } = health as {
    coherence: string;
    pending_writes: { entries: number };
  };
  if (coherence !== 'coherent' || pending.entries > 0) return false;
  const written = await put(replica, `calculation:probe-${replica.pid}`, '1');
  await written.arrayBuffer();
  return written.status === 201 || written.status === 204;
}

/** Lost writes, and values of a replica that differ from Redis. */
export async function lostOf(stage: Stage, ledger: Ledger, lostBefore?: number): Promise<string[]> {
  const keys = ledger.counters.map(({ key }) => key);
  const inRedis = await numbersIn(stage, keys);
  const lost = ledger.lost(inRedis, lostBefore);
  for (const replica of stage.replicas) {
    const results = await until(() => currentResults(replica, keys), { timeoutMs: RECOVERY_MS });
    const held = new Map(results.map(({ key, value = 0 }) => [key, value]));
    for (const key of keys)
      if (held.get(key) !== (inRedis.get(key) ?? 0))
        lost.push(`a replica has ${key} #${held.get(key)}, Redis #${inRedis.get(key)}`);
  }
  return lost;
}

interface MgetResult {
  readonly key: string;
  readonly value?: number;
  /** Redis was not asked, or did not answer in time, as may happen on a busy machine. */
  readonly code?: string;
}

/** The results of an mget; undefined where one of them may be out of date. */
async function currentResults(
  replica: Service,
  keys: readonly string[],
): Promise<readonly MgetResult[] | undefined> {
  const answer = await post(replica, '/v1/mget', { keys });
  const { results } = (await answer.json()) as { results: MgetResult[] };
  return results.some(({ code }) => code !== undefined) ? undefined : results;
}

async function numbersIn({ connection }: Stage, keys: readonly string[]): Promise<Map<string, number>> {
  const values = await connection.mgetBuffer(keys.map((key) => PREFIX + key));
  const numbers = new Map<string, number>();
  keys.forEach((key, i) => {
    const entry = values[i] && unpack(key, values[i], ENVELOPE_LIMITS);
    if (entry) numbers.set(key, Number(entry.json));
  });
  return numbers;
}

/** The resident memory of the processes that serve, in MiB. */
export async function rss(service: Service): Promise<number> {
  return (await metric(service, 'process_resident_memory_bytes')) / 2 ** 20;
}

/** The sum over the processes of the service, as soon as all report it. */
export function metric(service: Service, name: string): Promise<number> {
  return until(() => reported(service, name), { timeoutMs: RECOVERY_MS, everyMs: 100 });
}

/** @throws Error if a process does not report it */
async function reported(service: Service, name: string): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  const series = new RegExp(`^${name}(?:\\{process="\\d+"\\})? (\\S+)$`, 'gm');
  const values = Array.from(text.matchAll(series), ([, value]) => Number(value));
  if (values.length !== MANY_PROCESSES.count) throw new Error(`${values.length} processes report ${name}`);
  return values.reduce((sum, value) => sum + value, 0);
}
