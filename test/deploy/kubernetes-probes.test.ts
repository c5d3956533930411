import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import { type ConfiguredRedis, startConfiguredRedis } from '../support/configured-redis.ts';
import { containerOf, environmentOf, find, type Manifest, render } from './rendered.ts';

const MiB = 2 ** 20;

let manifests: Manifest[];
let environment: Record<string, string>;
let probes: Record<'startup' | 'readiness' | 'liveness', Manifest>;

before(async () => {
  manifests = await render('overlays/dev');
  environment = environmentOf(manifests, '');
  const { startupProbe, readinessProbe, livenessProbe } = containerOf(find(manifests, 'Deployment'));
  probes = { startup: startupProbe, readiness: readinessProbe, liveness: livenessProbe };
});

/** The overlay's Redis, with its password. */
function startRedis(): Promise<ConfiguredRedis> {
  const password = environment.REDIS_PASSWORD!;
  return startConfiguredRedis({
    file: 'deploy/redis/dev.conf',
    args: ['--requirepass', password],
    password,
  });
}

/** A replica with the overlay's environment, but for where things are here, and that a busy machine is no fault. */
function startReplica(redisPort: number, env: Record<string, string> = {}): Promise<Service> {
  const here = { PORT: '0', HOST: '127.0.0.1', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redisPort) };
  const { REDIS_COMMAND_TIMEOUT_MS, OVERLOAD_LOOP_DELAY_MS } = PATIENT;
  return startService({
    env: { ...environment, ...here, REDIS_COMMAND_TIMEOUT_MS, OVERLOAD_LOOP_DELAY_MS, ...env },
  });
}

/** The status that the kubelet would see, or undefined for no answer in time. */
async function probe(service: Service, { httpGet, timeoutSeconds }: Manifest): Promise<number | undefined> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const response = await service.fetch(httpGet.path, { signal }).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status;
}

describe('of a replica in dev', { concurrency: 2 }, () => {
  test('with the environment of a pod every probe is answered, and Redis may be killed without a restart', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const service = await startReplica(redis.port);
    t.after(() => service.stop('SIGKILL'));
    await reachesRedis(service);
    for (const each of Object.values(probes)) assert.equal(await probe(service, each), 200);
    assert.equal((await put(service, 'borrow_rate:AAPL', '0.05')).status, 201);
    // Into L1 by a read: what was only written leaves it again if Redis is gone before the write's echo is confirmed.
    assert.equal((await post(service, '/v1/flush', { tier: 'local' })).status, 200);
    assert.equal((await get(service, 'borrow_rate:AAPL')).status, 200);

    await redis.stop();
    await until(async () => (await jsonOf(await service.fetch('/health'))).redis.connected === false);
    assert.equal(await probe(service, probes.liveness), 200);
    assert.equal(await probe(service, probes.readiness), 200);
    assert.equal((await get(service, 'borrow_rate:AAPL')).status, 200);
  });

  test('a Redis that is frozen, and answers nothing, delays no probe until it counts as failed', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const service = await startReplica(redis.port);
    t.after(() => service.stop('SIGKILL'));
    await reachesRedis(service);
    process.kill(redis.pid, 'SIGSTOP');
    const began = performance.now();
    assert.equal(await probe(service, probes.readiness), 200);
    assert.equal(await probe(service, probes.liveness), 200);
    assert.ok(performance.now() - began < probes.readiness.timeoutSeconds * 1000);
  });

  test('a process that is stuck answers no probe', async (t) => {
    const service = await startReplica(await freePort());
    t.after(() => service.stop('SIGKILL'));
    assert.equal(await probe(service, probes.readiness), 200);
    service.kill('SIGSTOP');
    assert.equal(await probe(service, probes.readiness), undefined);
  });

  test('only the start-up probe knows that the warm-up is not over', async (t) => {
    const warming = { CACHE_WARMUP_ON_STARTUP: 'true' };
    const service = await startReplica(await freePort(), warming);
    t.after(() => service.stop('SIGKILL'));
    assert.equal(await probe(service, probes.startup), 503);
    assert.equal(await probe(service, probes.readiness), 200);
  });

  test('a pod that is told to stop serves on for its grace period, and is gone long before it would be killed', async (t) => {
    const service = await startReplica(await freePort());
    t.after(() => service.stop('SIGKILL'));
    const began = performance.now();
    service.kill('SIGTERM');
    await service.waitForLog(({ msg }) => msg === 'shutting down');
    assert.equal(await probe(service, probes.startup), 503);
    assert.equal((await service.fetch('/health')).status, 200);
    assert.deepEqual(await service.exited, { code: 0, signal: null });
    const ms = performance.now() - began;
    const { terminationGracePeriodSeconds } = find(manifests, 'Deployment').spec.template.spec;
    assert.ok(ms >= Number(environment.SHUTDOWN_GRACE_MS));
    assert.ok(ms < (terminationGracePeriodSeconds * 1000) / 2);
  });

  test('Node takes NODE_OPTIONS, and ends its heap at that share of the memory it may have', async () => {
    const { NODE_OPTIONS } = environment;
    const script =
      'console.log(v8.getHeapStatistics().heap_size_limit, process.constrainedMemory(), os.totalmem())';
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
      env: { PATH: process.env.PATH, NODE_OPTIONS },
    });
    const [heap, constrained, total] = stdout.split(' ').map(Number);
    const share = Number(/percentage=(\d+)/.exec(NODE_OPTIONS!)?.[1]) / 100;
    // Without a control group the constraint is 0, or more than there is.
    const memory = Math.min(constrained || Number.POSITIVE_INFINITY, total!);
    // V8 adds the young generation.
    assert.ok(Math.abs(heap! - share * memory) < 100 * MiB, `${heap} of ${memory}`);
  });
});
