import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { limitCpu } from '../../../loadtest/support/cpu-quota.ts';
import { until } from '../../../loadtest/support/until.ts';
import { cpuSecondsOf } from '../../../loadtest/target/proc.ts';

const groupsOf = (pid: number) => globSync(`/sys/fs/cgroup/{,cpu/}ratecache-load-${pid}`);

test('a busy process gets at most its share of a core, and its group is removed afterwards', async () => {
  const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  try {
    const pid = busy.pid!;
    const release = limitCpu(0.2, pid);
    if (release === undefined) {
      // Not root, or no control groups: nothing is left half done.
      assert.deepEqual(groupsOf(pid), []);
      return;
    }
    assert.equal(groupsOf(pid).length, 1);
    const before = cpuSecondsOf(pid)!;
    const started = performance.now();
    await pause(1_000);
    await until(() => cpuSecondsOf(pid)! > before);
    const share = (cpuSecondsOf(pid)! - before) / ((performance.now() - started) / 1_000);
    // The quota is an upper bound: other programs can only make the share smaller.
    assert.ok(share < 0.3, `it used ${share} of a core`);
    release();
    assert.deepEqual(groupsOf(pid), []);
  } finally {
    busy.kill('SIGKILL');
    await once(busy, 'exit');
  }
});

test('a process that has ended leaves no group behind', async () => {
  const short = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const release = limitCpu(0.5, short.pid!);
  short.stdin!.end();
  await once(short, 'exit');
  release?.();
  assert.deepEqual(groupsOf(short.pid!), []);
});
