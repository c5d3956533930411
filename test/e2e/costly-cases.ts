/** Runs costly requests next to a neighbour that reads one key. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { residentBytesOf } from '../../loadtest/target/proc.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { post, put, readIntoL1 } from '../support/client.ts';
import { besideNeighbour } from '../support/neighbour.ts';
import type { Costly, Target } from './costly-requests.ts';

const MOST_P99_MS = 50;
/** One long turn delays one read only, which the percentile does not show. */
const MOST_WORST_MS = 250;
const MOST_BYTES = 100 * 1024 * 1024;
const KEY = 'neighbour:A';
const ENV = { LOCAL_CACHE_MAX_SIZE: '10000' };

async function start(t: TestContext, kind: 'redis' | 'standalone'): Promise<Target> {
  if (kind === 'standalone') {
    const service = await startService({ standalone: true, env: { ...PATIENT, ...ENV } });
    t.after(() => service.stop('SIGKILL'));
    return { service, redis: undefined };
  }
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, ENV);
  t.after(() => service.stop('SIGKILL'));
  return { service, redis };
}

/** A process that has served nothing yet would grow with any traffic. */
async function ordinaryTraffic(service: Service): Promise<void> {
  const keys = Array.from({ length: 1000 }, (_, i) => `ordinary:${i}`);
  for (let i = 0; i < 30; i++) {
    const entries = keys.map((key) => ({ key, value: { rate: i } }));
    await (await post(service, '/v1/mset', { entries })).arrayBuffer();
    await (await post(service, '/v1/mget', { keys })).arrayBuffer();
  }
}

/** Sends the request, and proves that the neighbour does not wait and that memory returns to its level. */
export async function proveBounded(
  t: TestContext,
  costly: Costly,
  kind: 'redis' | 'standalone',
): Promise<void> {
  const target = await start(t, kind);
  const { service } = target;
  await costly.prepare?.(target);
  const headers = { 'content-type': 'application/json' };
  assert.ok((await put(service, KEY, '1', { headers, query: '?ttl=3600' })).ok);
  await readIntoL1(service, KEY);
  await ordinaryTraffic(service);
  const before = residentBytesOf(service.pid);
  const { reads, p99, worst } = await besideNeighbour(service, KEY, () => costly.send(target));
  const figures = `p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(1)} ms, ${reads} reads`;
  t.diagnostic(figures);
  assert.ok(p99 < MOST_P99_MS && worst < MOST_WORST_MS, figures);
  await until(() => residentBytesOf(service.pid) < before + MOST_BYTES, { timeoutMs: 60_000 }).catch(
    () => {},
  );
  const grown = (residentBytesOf(service.pid) - before) / 1024 / 1024;
  t.diagnostic(`${grown.toFixed(0)} MiB more`);
  assert.ok(grown < MOST_BYTES / 1024 / 1024, `${grown.toFixed(0)} MiB more than before`);
}
