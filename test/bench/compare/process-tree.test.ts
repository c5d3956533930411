import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { cpuSeconds, treeOf } from '../../../bench/compare/process-tree.ts';
import { until } from '../../../loadtest/support/until.ts';
import { tether } from '../../../loadtest/target/tether.ts';

test('the tree of a process has its children and their children, and no other process', async (t) => {
  const pid = await shell(t, '(sleep 60; :) & sleep 60; :');
  // The shell, the one in brackets, and two that sleep.
  await until(() => treeOf([pid]).length === 4);
  const tree = treeOf([pid, pid]);
  assert.equal(tree.length, 4);
  assert.ok(tree.includes(pid) && !tree.includes(process.pid));
});

test('the CPU time of a tree is that of all its processes', async (t) => {
  const pid = await shell(t, '(while :; do :; done) & sleep 60; :');
  await until(() => treeOf([pid]).length === 3);
  const tree = treeOf([pid]);
  const [before, own] = [cpuSeconds(tree), cpuSeconds([pid])];
  await until(() => cpuSeconds(tree) > before + 0.05);
  // The child works, and the shell waits.
  assert.ok(cpuSeconds([pid]) < own + 0.05);
});

test('the CPU time of a process that has ended is an error', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  assert.throws(() => cpuSeconds([child.pid!]), /has ended/);
});

async function shell(t: TestContext, script: string): Promise<number> {
  const child = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
  tether(child, { group: true });
  t.after(() => process.kill(-child.pid!, 'SIGKILL'));
  await once(child, 'spawn');
  return child.pid!;
}
