import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../loadtest/support/until.ts';
import { FAILING, OBEDIENT, obedient, readyFor, scriptedProcesses, settingsOf } from './scripted.ts';

test('processes that a failed replacement did not reach are behind', async (t) => {
  let broken: number | undefined;
  const { processes } = scriptedProcesses(t, (n) => (n === broken ? FAILING : OBEDIENT));
  const before = processes.settings;
  await processes.start();
  assert.equal(processes.behind, 0);

  broken = 1;
  assert.equal(await processes.replace(settingsOf()), 0);
  assert.equal(processes.settings, before);
  assert.equal(processes.behind, 0);

  broken = 2;
  const half = settingsOf();
  assert.equal(await processes.replace(half), 1);
  assert.equal(processes.settings, half);
  assert.equal(processes.behind, 1);

  broken = undefined;
  assert.equal(await processes.replace(settingsOf()), 2);
  assert.equal(processes.behind, 0);
});

test('a process whose writes become pending while its successor starts is not replaced, and the successor ends', async (t) => {
  const scripts = [obedient(0, 0, 3), OBEDIENT, OBEDIENT];
  const { processes, lines } = scriptedProcesses(t, () => scripts.shift()!);
  await processes.start();
  const before = [...processes.running];
  assert.equal(await processes.replace(settingsOf()), 0);
  assert.deepEqual(
    lines.map(({ msg, level, process, pending_writes }) => [msg, level, process, pending_writes]),
    [['not replaced: writes are pending; send SIGHUP again when Redis answers', 'error', 1, 3]],
  );
  assert.deepEqual([...processes.running], before);
  assert.deepEqual(
    processes.current.map(({ child }) => child),
    before,
  );
});

test('a process is replaced when its pending writes have reached Redis', async (t) => {
  const scripts = [obedient(3, 2, 1, 0), OBEDIENT, OBEDIENT, OBEDIENT];
  const { processes, lines } = scriptedProcesses(t, () => scripts.shift()!, { drainMs: 5000 });
  await processes.start();
  assert.equal(await processes.replace(settingsOf()), 2);
  assert.deepEqual(lines, []);
});

test('a successor that is not needed runs until Redis has its pending writes', async (t) => {
  const scripts = [obedient(0, 0, 1), OBEDIENT, obedient(...Array(20).fill(2), 0)];
  const { processes, lines } = scriptedProcesses(t, () => scripts.shift()!);
  await processes.start();
  const replaced = processes.replace(settingsOf());
  const line = await until(() => lines.find(({ msg }) => msg.startsWith('the new process runs')));
  assert.deepEqual([line.process, line.pending_writes], [1, 2]);
  assert.equal(processes.running.size, 3);
  assert.equal(await replaced, 0);
  assert.equal(processes.running.size, 2);
});

test('while one process has pending writes, none is replaced', async (t) => {
  const { processes, lines } = scriptedProcesses(t, (n) => obedient(n === 2 ? 1 : 0));
  await processes.start();
  const before = [...processes.running];
  assert.equal(await processes.replace(settingsOf()), 0);
  assert.deepEqual(
    lines.map(({ process, pending_writes, replaced }) => [process, pending_writes, replaced]),
    [[2, 1, 0]],
  );
  assert.deepEqual([...processes.running], before);
});

test('a successor that ends while the process before has pending writes replaces nothing', async (t) => {
  // Its writes reach Redis after the end of the successor.
  const scripts = [obedient(0, 0, ...Array(40).fill(1), 0), OBEDIENT, readyFor(200)];
  const { processes, lines } = scriptedProcesses(t, () => scripts.shift()!, { drainMs: 10_000 });
  await processes.start();
  const before = [...processes.running];
  assert.equal(await processes.replace(settingsOf()), 0);
  assert.deepEqual(
    lines.map(({ msg, level, process, reason, replaced }) => [msg, level, process, reason, replaced]),
    [
      [
        'the new process is not ready; the remaining processes keep the configuration before',
        'error',
        1,
        'it ended (exit code 3)',
        0,
      ],
    ],
  );
  assert.deepEqual([...processes.running], before);
  assert.deepEqual(
    processes.current.map(({ child }) => child),
    before,
  );
});
