import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../loadtest/support/until.ts';
import { watchOver } from '../../../src/service/supervisor/watch-over.ts';
import { OBEDIENT, SILENT, scriptedProcesses } from './scripted.ts';

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
  t.after(watchOver(processes, log, 50));
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
