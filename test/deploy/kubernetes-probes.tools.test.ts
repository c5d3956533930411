import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
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
let folder: string;
/** The tokens file of the Secret. */
let tokens: string;
let probes: Record<'startup' | 'readiness' | 'liveness', Manifest>;

before(async () => {
  manifests = await render('overlays/dev');
  environment = environmentOf(manifests, '');
  const { data } = find(manifests, 'Secret', 'cache-service-tokens');
  folder = await mkdtemp(join(tmpdir(), 'ratecache-tokens-'));
  tokens = join(folder, 'tokens.json');
  await writeFile(tokens, Buffer.from(data['tokens.json'], 'base64'));
  const { startupProbe, readinessProbe, livenessProbe } = containerOf(find(manifests, 'Deployment'));
  probes = { startup: startupProbe, readiness: readinessProbe, liveness: livenessProbe };
});

after(() => rm(folder, { recursive: true, force: true }));

/** The overlay's Redis, with its password. */
function startRedis(): Promise<ConfiguredRedis> {
  const password = environment.REDIS_PASSWORD!;
  return startConfiguredRedis({
    file: 'deploy/redis/dev.conf',
    args: ['--requirepass', password],
    password,
  });
}

/** A replica with the environment of the overlay, except for local addresses and limits that suit a busy machine. */
async function startReplica(redisPort: number, env: Record<string, string> = {}): Promise<Service> {
  const here = {
    PORT: '0',
    OPS_PORT: '0',
    HOST: '0.0.0.0',
    AUTH_TOKENS_FILE: tokens,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redisPort),
  };
  const { SHUTDOWN_GRACE_MS: _, ...patient } = PATIENT;
  const service = await startService({ env: { ...environment, ...here, ...patient, ...env } });
  const headers = { authorization: 'Bearer dev' };
  const fetch: Service['fetch'] = (path, init) =>
    service.fetch(path, { ...init, headers: { ...headers, ...init?.headers } });
  return { ...service, fetch };
}

/** A request to the port of operators, as the kubelet sends it. */
async function ofOps(service: Service, path: string, init?: RequestInit): Promise<Response> {
  const { ops_port: port } = await service.waitForLog(({ msg }) => msg === 'listening');
  return fetch(`http://127.0.0.1:${port}${path}`, init);
}

/** The status that the kubelet sees. How long the answer takes on a busy machine is not judged. */
async function probe(service: Service, { httpGet }: Manifest): Promise<number> {
  assert.equal(httpGet.port, 'ops');
  const response = await ofOps(service, httpGet.path);
  await response.arrayBuffer();
  return response.status;
}

describe('probes of a replica in dev', { concurrency: 2 }, () => {
  test('every probe succeeds with the environment of a pod, and the loss of Redis causes no restart', async (t) => {
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
    await until(async () => (await jsonOf(await ofOps(service, '/health'))).redis.connected === false);
    assert.equal(await probe(service, probes.liveness), 200);
    assert.equal(await probe(service, probes.readiness), 200);
    assert.equal((await get(service, 'borrow_rate:AAPL')).status, 200);
  });

  test('a frozen Redis delays no probe', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const service = await startReplica(redis.port, { REDIS_COMMAND_TIMEOUT_MS: '60000' });
    t.after(() => service.stop('SIGKILL'));
    await reachesRedis(service);
    process.kill(redis.pid, 'SIGSTOP');
    let answered = false;
    const reading = get(service, 'borrow_rate:WAITS').then(() => {
      answered = true;
    });
    assert.equal(await probe(service, probes.readiness), 200);
    assert.equal(await probe(service, probes.liveness), 200);
    assert.equal(answered, false, 'a read waits for Redis all the while');
    process.kill(redis.pid, 'SIGCONT');
    await reading;
  });

  test('a blocked process answers no probe', async (t) => {
    const service = await startReplica(await freePort());
    t.after(() => service.stop('SIGKILL'));
    assert.equal(await probe(service, probes.readiness), 200);
    service.kill('SIGSTOP');
    const { httpGet, timeoutSeconds } = probes.readiness;
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    await assert.rejects(ofOps(service, httpGet.path, { signal }), { name: 'TimeoutError' });
  });

  test('only the start-up probe fails while the warm-up runs', async (t) => {
    const warming = { CACHE_WARMUP_ON_STARTUP: 'true' };
    const service = await startReplica(await freePort(), warming);
    t.after(() => service.stop('SIGKILL'));
    assert.equal(await probe(service, probes.startup), 503);
    assert.equal(await probe(service, probes.readiness), 200);
  });

  test('a pod that receives SIGTERM serves for its drain time and then exits', async (t) => {
    const service = await startReplica(await freePort());
    t.after(() => service.stop('SIGKILL'));
    const began = performance.now();
    service.kill('SIGTERM');
    await service.waitForLog(({ msg }) => msg === 'shutting down');
    assert.equal(await probe(service, probes.startup), 503);
    assert.equal((await ofOps(service, '/health')).status, 200);
    assert.deepEqual(await service.exited, { code: 0, signal: null });
    assert.ok(performance.now() - began >= Number(environment.SHUTDOWN_GRACE_MS));
  });

  test('Node limits its heap to the share of memory that NODE_OPTIONS sets', async () => {
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
