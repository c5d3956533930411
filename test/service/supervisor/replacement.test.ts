import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILING, OBEDIENT, scriptedProcesses, settingsOf } from './scripted.ts';

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
