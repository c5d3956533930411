/** Run by scripts/smoke.sh, which makes the root directory. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { connectWs, MSGPACK_PROTOCOL } from '../support/ws-client.ts';
import { type Mounts, mountRoot } from './mounted-root.ts';
import { serveName } from './name-server.ts';

const TMPFS = { '/tmp': 'size=16m,mode=1777' };
const REDIS_NAME = 'redis.ratecache.test';
const KEY = '/v1/cache/borrow_rate:AAPL';

let redis: RedisServer;
before(async () => {
  redis = await startRedis({ password: 'secret' });
});
after(() => redis?.stop());

/** Lets all of a test's programs run in a root directory with these mounts. */
async function inRoot<T>(mounts: Mounts, step: (dir: string) => Promise<T>): Promise<T> {
  const { program, dir, unmount } = mountRoot(mounts);
  process.env.RATECACHE_BINARY = program;
  try {
    return await step(dir);
  } finally {
    delete process.env.RATECACHE_BINARY;
    unmount();
  }
}

/** Serves with the Redis outside, addressed by its host name. */
async function serving(
  mounts: Mounts,
  step: (service: Service, dir: string) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
) {
  const names = await serveName(REDIS_NAME);
  try {
    const files = { '/etc/resolv.conf': 'nameserver 127.0.0.1\n' };
    await inRoot({ ...mounts, files }, async (dir) => {
      const address = { REDIS_HOST: REDIS_NAME, REDIS_PORT: String(redis.port), REDIS_PASSWORD: 'secret' };
      // As in the image, where it is reached from outside.
      const host = { HOST: '0.0.0.0', INSECURE_OPEN: 'true' };
      const service = await startService({ env: { ...PATIENT, ...address, ...host, ...env } });
      try {
        await reachesRedis(service);
        assert.ok(names.asked() > 0, 'the name server was asked');
        await step(service, dir);
      } finally {
        await service.stop();
      }
    });
  } finally {
    names.stop();
  }
}

test('the binary serves HTTP and WebSocket from a read-only root with a small tmpfs, and stops with exit code 0', () =>
  serving({ tmpfs: TMPFS }, async (service, dir) => {
    const put = await service.fetch(KEY, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"rate":0.0525}',
    });
    assert.equal(put.status, 201);
    assert.equal(await redis.cli('EXISTS', 'borrow_rate_engine:borrow_rate:AAPL'), '1');
    const got = await service.fetch(KEY);
    assert.deepEqual([got.status, await got.text()], [200, '{"rate":0.0525}']);

    for (const protocol of [undefined, MSGPACK_PROTOCOL]) {
      const client = await connectWs(service, protocol === undefined ? {} : { protocol });
      const { ok, value } = await client.request('get', { key: 'borrow_rate:AAPL' });
      assert.deepEqual([ok, value], [true, { rate: 0.0525 }]);
      await client.close();
    }

    const health = (await (await service.fetch('/health')).json()) as { status: string };
    assert.equal(health.status, 'healthy');
    // As the image's HEALTHCHECK asks, with the variables of the service.
    const check = await runMain(['check', '--fail-degraded'], {
      HOST: '0.0.0.0',
      PORT: String(service.port),
    });
    assert.deepEqual([check.code, check.stderr], [0, '']);
    const stats = await runMain(['stats', '--url', service.url]);
    assert.deepEqual([stats.code, stats.stderr], [0, '']);

    assert.deepEqual(readdirSync(join(dir, 'tmp')), [], 'the file of the addon is removed');
    assert.deepEqual(await service.stop('SIGTERM'), { code: 0, signal: null });
    const refused = await runMain(['check', '--url', service.url]);
    assert.equal(refused.code, 2);
  }));

test('the binary with two processes starts one that is killed again', () =>
  // The supervisor and each process unpack the native part.
  serving(
    { tmpfs: { '/tmp': 'size=32m,mode=1777' } },
    async (service, dir) => {
      const ready = async () => (await service.fetch('/readyz')).status === 200;
      await until(ready);
      const [, first, second] = service.pids();
      process.kill(second!, 'SIGKILL');
      await service.waitForLog(({ msg }) => msg === 'a process ended; it will be restarted');
      await until(ready);
      const [, same, fresh] = service.pids();
      assert.equal(same, first);
      assert.notEqual(fresh, second);
      assert.deepEqual(readdirSync(join(dir, 'tmp')), []);
      assert.deepEqual(await service.stop('SIGTERM'), { code: 0, signal: null });
    },
    { PROCESSES: '2' },
  ));

test('the start time is that of the process, not that of the build', () =>
  serving({ tmpfs: TMPFS }, async (service) => {
    const metrics = await (await service.fetch('/metrics')).text();
    const [, seconds] = /^process_start_time_seconds (\d+)$/m.exec(metrics)!;
    assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 30, seconds);
    assert.match(metrics, /^nodejs_gc_duration_seconds_count/m);
  }));

test('NODE_OPTIONS sets the heap limit of the binary', () =>
  inRoot({ tmpfs: TMPFS }, async () => {
    // As the manifests of Kubernetes set it.
    const share = { NODE_OPTIONS: '--max-old-space-size-percentage=75' };
    const service = await startService({ standalone: true, env: { ...PATIENT, ...share } });
    assert.equal((await service.fetch('/livez')).status, 200);
    assert.deepEqual(await service.stop(), { code: 0, signal: null });
    // Less than the initial heap: V8 aborts.
    const little = { NODE_OPTIONS: '--max-old-space-size=6' };
    const { code, stdout } = await runMain(['serve', '--standalone', '--port', '0'], little);
    assert.equal(code, null, 'a signal ended it');
    assert.doesNotMatch(stdout, /listening/);
  }));

for (const [where, mounts, env] of [
  ['in /dev/shm where /tmp cannot be written to', { '/dev/shm': 'size=16m,mode=1777' }, {}],
  [
    'in /dev/shm where /tmp is noexec',
    { ...TMPFS, '/tmp': `${TMPFS['/tmp']},noexec`, '/dev/shm': 'size=16m,mode=1777' },
    {},
  ],
  // With the mode of an emptyDir of Kubernetes.
  ['where TMPDIR says', { '/var/scratch': 'size=16m,mode=0777' }, { TMPDIR: '/var/scratch' }],
] as const)
  test(`the binary unpacks its native part ${where}, and leaves no file behind`, () =>
    inRoot({ tmpfs: mounts }, async (dir) => {
      const service = await startService({ standalone: true, env: { ...PATIENT, ...env } });
      assert.equal((await service.fetch('/livez')).status, 200);
      for (const path of Object.keys(mounts)) assert.deepEqual(readdirSync(join(dir, path)), []);
      assert.deepEqual(await service.stop(), { code: 0, signal: null });
    }));

for (const [why, tmpfs, reason] of [
  ['nothing can be written to', {}, /\/tmp: .*read-only file system/],
  ['the only directory is noexec', { '/tmp': `${TMPFS['/tmp']},noexec` }, /\/tmp: it is mounted noexec/],
  ['the only directory is too small', { '/tmp': 'size=4m,mode=1777' }, /\/tmp: .*no space left/],
] as const)
  test(`the binary explains what to do and exits 73 when ${why}`, () =>
    inRoot({ tmpfs }, async (dir) => {
      const { code, stderr } = await runMain(['serve', '--standalone', '--port', '0']);
      assert.equal(code, 73, stderr);
      assert.match(stderr, reason);
      assert.match(stderr, /Mount a tmpfs of 16 MB at \/tmp without noexec, .*TMPDIR/);
      for (const path of Object.keys(tmpfs)) assert.deepEqual(readdirSync(join(dir, path)), []);
      // A command that does not serve needs no tmpfs.
      assert.equal((await runMain(['--version'])).code, 0);
    }));

test('a subcommand whose code is not in the snapshot runs', () =>
  inRoot({}, async () => {
    const { code, stdout, stderr } = await runMain(['load']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^read-heavy +How long/m);
  }));

test('the binary prints its version and commit, and the licenses of its parts', () =>
  inRoot({ tmpfs: TMPFS }, async () => {
    const version = await runMain(['--version']);
    assert.match(
      version.stdout,
      new RegExp(`^ratecache ${packageJson.version}\ncommit ([0-9a-f]{40}|unknown)`),
    );
    assert.match(version.stdout, new RegExp(`^Node ${process.versions.node}$`, 'm'));
    assert.match(version.stdout, /^uWebSockets\.js 20\S* \(\S+@20\.\S+\) sha256 [0-9a-f]{64}$/m);
    const { code, stdout } = await runMain(['licenses']);
    assert.equal(code, 0);
    assert.match(stdout, /^uWebSockets\.js \(Apache-2\.0\)$/m);
    assert.match(stdout, /^ioredis@/m);
  }));
