import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../loadtest/support/until.ts';
import { watchOver } from '../../../src/service/supervisor/watch-over.ts';
import { OBEDIENT, SILENT, scriptedProcesses, settingsOf } from './scripted.ts';

/** Listens, and then answers nothing. */
const HANGING = `process.send({ question: 'listening', given: undefined, id: 1 }); ${SILENT}`;

test('a process that does not answer twelve times in a row is killed and started again', async (t) => {
  const scripts = [HANGING, OBEDIENT];
  const { processes, log, lines } = scriptedProcesses(t, (n) => (n === 1 ? OBEDIENT : scripts.shift()!));
  await processes.start();
  const [healthy, hanging] = processes.current.map(({ child }) => child!);
  const ask = t.mock.method(hanging!, 'ask');
  let askedBefore: number | undefined;
  const kill = hanging!.kill.bind(hanging);
  hanging!.kill = (signal) => {
    askedBefore ??= ask.mock.callCount();
    kill(signal);
  };
  t.after(watchOver(processes, log, 100));
  const ended = await until(() => lines.find(({ msg }) => msg === 'a process ended; it will be restarted'));
  assert.deepEqual([ended.process, ended.child_pid, ended.signal], [2, hanging!.pid, 'SIGKILL']);
  assert.equal(askedBefore, 12);
  const [line] = lines;
  assert.deepEqual(
    [line!.msg, line!.level, line!.process],
    ['the process has not answered for a minute; it is killed', 'error', 2],
  );
  await until(() => processes.current[1]!.child?.listens);
  assert.equal(processes.current[0]!.child, healthy, 'the other one stays');
});

test('a process that starts is not one that hangs', async (t) => {
  const slow = `setTimeout(() => { ${OBEDIENT} }, 3000)`;
  const { processes, log, lines } = scriptedProcesses(t, (n) => (n === 1 ? OBEDIENT : slow));
  const started = processes.start();
  await until(() => processes.running.size === 2);
  const [, starting] = [...processes.running];
  t.after(watchOver(processes, log, 100));
  assert.equal(await started, true);
  assert.equal(processes.current[1]!.child, starting);
  assert.deepEqual(lines, []);
});

test('a new process that hangs before it replaces another is killed', async (t) => {
  const scripts = [OBEDIENT, OBEDIENT, HANGING];
  const { processes, log, lines } = scriptedProcesses(t, () => scripts.shift()!);
  await processes.start();
  const before = [...processes.running];
  t.after(watchOver(processes, log, 100));
  assert.equal(await processes.replace(settingsOf()), 0);
  assert.deepEqual(
    lines.map(({ msg, reason }) => [msg, reason]),
    [
      ['the process has not answered for a minute; it is killed', undefined],
      [
        'the new process is not ready; the remaining processes keep the configuration before',
        'it ended (SIGKILL)',
      ],
    ],
  );
  assert.deepEqual([...processes.running], before);
});
