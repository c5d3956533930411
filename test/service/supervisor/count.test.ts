import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config.ts';
import { MAX_PROCESSES, wholeCores } from '../../../src/service/supervisor/count.ts';

const files =
  (contents: Record<string, string>) =>
  (path: string): string | undefined =>
    contents[path];

test('auto is one process for each whole core of the limit, and at least one', () => {
  const cores = (max: string) =>
    wholeCores(files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': max }), 8);
  assert.equal(cores('200000 100000\n'), 2);
  assert.equal(cores('250000 100000\n'), 2);
  assert.equal(cores('50000 100000\n'), 1);
  assert.equal(cores('max 100000\n'), 8);
  assert.equal(cores('1600000 100000\n'), 8);
});

test('auto reads the limit of the own cgroup, where the system shows all cgroups', () => {
  const own = files({
    '/proc/self/cgroup': '0::/system.slice/ratecache.service\n',
    '/sys/fs/cgroup/system.slice/ratecache.service/cpu.max': '300000 100000\n',
  });
  assert.equal(wholeCores(own, 8), 3);
});

test('auto reads the quota of a version 1 cgroup', () => {
  const v1 = (quota: string, path: string) =>
    files({
      '/proc/self/cgroup': '4:memory:/a\n3:cpu,cpuacct:/docker/abc\n',
      [`${path}/cpu.cfs_quota_us`]: quota,
      [`${path}/cpu.cfs_period_us`]: '100000\n',
    });
  assert.equal(wholeCores(v1('400000\n', '/sys/fs/cgroup/cpu/docker/abc'), 8), 4);
  // A container sees its own cgroup as the root.
  assert.equal(wholeCores(v1('400000\n', '/sys/fs/cgroup/cpu'), 8), 4);
  assert.equal(wholeCores(v1('-1\n', '/sys/fs/cgroup/cpu'), 8), 8);
});

test('auto follows the lowest limit of the groups that contain the own one', () => {
  const nested = (own: string, slice: string) =>
    files({
      '/proc/self/cgroup': '0::/engine.slice/ratecache.service\n',
      '/sys/fs/cgroup/engine.slice/ratecache.service/cpu.max': own,
      '/sys/fs/cgroup/engine.slice/cpu.max': slice,
    });
  assert.equal(wholeCores(nested('max 100000\n', '200000 100000\n'), 8), 2);
  assert.equal(wholeCores(nested('400000 100000\n', '200000 100000\n'), 8), 2);
  assert.equal(wholeCores(nested('100000 100000\n', '200000 100000\n'), 8), 1);
  const v1 = files({
    '/proc/self/cgroup': '3:cpu,cpuacct:/engine/pod\n',
    '/sys/fs/cgroup/cpu/engine/pod/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/engine/cpu.cfs_quota_us': '300000\n',
    '/sys/fs/cgroup/cpu/engine/cpu.cfs_period_us': '100000\n',
  });
  assert.equal(wholeCores(v1, 8), 3);
});

test('where both versions are mounted, auto reads the limit of version 1', () => {
  const hybrid = files({
    '/proc/self/cgroup': '3:cpu,cpuacct:/docker/abc\n0::/docker/abc\n',
    '/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us': '250000\n',
    '/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us': '100000\n',
  });
  assert.equal(wholeCores(hybrid, 8), 2);
});

test('auto reads a version 1 cgroup that is mounted with both names of its controllers only', () => {
  const v1 = files({
    '/proc/self/cgroup': '3:cpu,cpuacct:/docker/abc\n',
    '/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us': '300000\n',
    '/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us': '100000\n',
  });
  assert.equal(wholeCores(v1, 8), 3);
});

test('auto ignores a limit that is not a number of cores above 0', () => {
  const v2 = (max: string) =>
    wholeCores(files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': max }), 8);
  assert.equal(v2('200000\t100000\n'), 2);
  for (const max of [
    '',
    '\n',
    'max',
    '150000',
    'abc 100000',
    '0 100000',
    '-1 100000',
    '100000 0',
    '0 0',
    'Infinity 1',
  ])
    assert.equal(v2(max), 8, JSON.stringify(max));
  const v1 = (quota: string | undefined, period: string | undefined) =>
    wholeCores((path) => (path.endsWith('quota_us') ? quota : path.endsWith('period_us') ? period : ''), 8);
  assert.equal(v1('200000\n', '100000\n'), 2);
  for (const quota of ['200000\n', '', '\n', '0', '-1', 'abc', undefined])
    for (const period of ['', '\n', '0', 'abc', undefined]) assert.equal(v1(quota, period), 8);
});

test('auto is at most the maximum of PROCESSES', () => {
  const redis = { REDIS_HOST: '127.0.0.1', REDIS_PORT: '6379', REDIS_PASSWORD: '' };
  const given = (count: number) =>
    loadConfig({ ...redis, PROCESSES: String(count) }, { standalone: false }).config.processes;
  assert.equal(given(MAX_PROCESSES), MAX_PROCESSES);
  assert.throws(() => given(MAX_PROCESSES + 1), /PROCESSES/);
  assert.equal(wholeCores(files({}), 128), MAX_PROCESSES);
  assert.equal(wholeCores(files({ '/sys/fs/cgroup/cpu.max': '8000000 100000\n' }), 128), MAX_PROCESSES);
});

test('without cgroups, auto is one process for each core of the machine', () => {
  assert.equal(wholeCores(files({}), 6), 6);
});
