import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../loadtest/support/until.ts';
import { exitText } from '../../../src/service/supervisor/child.ts';
import { reloadOrReplace } from '../../../src/service/supervisor/reload.ts';
import { FAILING, OBEDIENT, SILENT, scriptedProcesses, settingsOf } from './scripted.ts';

test('a process that dies before it listens is started again, and the start then completes', async (t) => {
  const scripts = [FAILING, FAILING, OBEDIENT];
  const { processes, lines } = scriptedProcesses(t, (n) => (n === 1 ? OBEDIENT : scripts.shift()!));
  assert.equal(await processes.start(), true);
  assert.equal(processes.restarts, 2);
  assert.deepEqual(
    lines.map(({ msg, process, code }) => [msg, process, code]),
    Array(2).fill(['a process ended; it will be restarted', 2, 3]),
  );
});

test('the pause before a restart grows while the process keeps dying', async (t) => {
  const { processes, lines } = scriptedProcesses(t, (n) => (n === 1 ? OBEDIENT : FAILING));
  const started = processes.start();
  await until(() => lines.length === 4);
  const pauses = lines.map(({ restart_in_ms }) => Number(restart_in_ms));
  // Jitter shortens each by up to half.
  for (const [i, pause] of pauses.entries())
    assert.ok(pause <= 100 * 2 ** i && pause >= 50 * 2 ** i, `${pauses}`);
  await processes.stop();
  assert.equal(await started, false);
});

test('a stop while the first process starts ends the start without an error', async (t) => {
  const { processes, lines } = scriptedProcesses(t, () => SILENT);
  const started = processes.start();
  const [child] = processes.running;
  // It answers nothing, so only a signal ends it.
  const stopped = processes.stop();
  child!.kill('SIGTERM');
  assert.equal(await started, false);
  await stopped;
  assert.deepEqual([processes.running.size, lines], [0, []]);
});

test('a stop while another process starts stops both', async (t) => {
  const { processes } = scriptedProcesses(t, (n) => (n === 1 ? OBEDIENT : SILENT));
  const started = processes.start();
  await processes.firstListens;
  await until(() => processes.running.size === 2);
  const stopped = processes.stop();
  for (const child of processes.running) if (child.process === 2) child.kill('SIGTERM');
  assert.equal(await started, false);
  await stopped;
  assert.equal(processes.running.size, 0);
});

test('a first process that hangs before it listens is killed, and the start fails', async (t) => {
  const { processes, lines } = scriptedProcesses(t, () => SILENT, { startExtraMs: 100 });
  const from = performance.now();
  await assert.rejects(processes.start(), /the first process ended before it listened \(SIGKILL\)/);
  // It may wait for Redis for a second.
  assert.ok(performance.now() - from >= 1100);
  assert.deepEqual(
    lines.map(({ msg, level, process }) => [msg, level, process]),
    [['the process did not listen in time; it is killed', 'error', 1]],
  );
});

test('another process that hangs before it listens is killed and started again', async (t) => {
  const scripts = [OBEDIENT, SILENT, OBEDIENT];
  const { processes, lines } = scriptedProcesses(t, () => scripts.shift()!, { startExtraMs: 3000 });
  assert.equal(await processes.start(), true);
  assert.deepEqual(
    lines.map(({ msg, process, signal }) => [msg, process, signal]),
    [
      ['the process did not listen in time; it is killed', 2, undefined],
      ['a process ended; it will be restarted', 2, 'SIGKILL'],
    ],
  );
});

test('a first process that the system cannot start is an error that names the cause', async (t) => {
  const { processes } = scriptedProcesses(t, () => 'x'.repeat(200_000));
  await assert.rejects(processes.start(), /the first process ended before it listened \(spawn E2BIG\)/);
});

test('a process that the system cannot start does not end the supervisor, and is started again', async (t) => {
  let script = OBEDIENT;
  const { processes, lines } = scriptedProcesses(t, (n) => (n === 1 ? OBEDIENT : script));
  await processes.start();
  // Longer than an argument may be.
  script = 'x'.repeat(200_000);
  processes.current[1]!.child!.kill('SIGKILL');
  await until(() => lines.length >= 3);
  assert.deepEqual([lines[0]!.signal, lines[0]!.error], ['SIGKILL', undefined]);
  assert.match(String(lines[1]!.error), /E2BIG/);
  script = OBEDIENT;
  await until(() => processes.current[1]!.child?.listens);
});

test('if a replacement succeeds in part, the next SIGHUP replaces all, also with the configuration before', async (t) => {
  const fails = { second: false };
  const { processes, log, lines } = scriptedProcesses(t, (n) =>
    n === 2 && fails.second ? FAILING : OBEDIENT,
  );
  await processes.start();
  const [first, second] = processes.current.map(({ child }) => child!.pid);
  const before = settingsOf({ NAME: 'before' });
  let next = settingsOf({ NAME: 'after' });
  const hangUp = reloadOrReplace({
    processes,
    settings: before,
    read: () => next,
    log,
  });
  fails.second = true;
  hangUp();
  const line = await until(() => lines.find(({ msg }) => msg.startsWith('the new process is not ready')));
  assert.deepEqual([line.process, line.replaced, line.reason], [2, 1, 'it ended (exit code 3)']);
  assert.notEqual(processes.current[0]!.child!.pid, first);
  assert.equal(processes.current[1]!.child!.pid, second);

  fails.second = false;
  next = before;
  const [mixed] = processes.current.map(({ child }) => child!.pid);
  hangUp();
  await until(() => lines.some(({ msg }) => msg === 'SIGHUP: all processes have the new configuration'));
  assert.notEqual(processes.current[0]!.child!.pid, mixed);
  hangUp();
  await until(() => lines.some(({ msg }) => msg.startsWith('SIGHUP: the processes load')));
});

test('signals that arrive during a replacement are handled after it, one after another', async (t) => {
  const { processes, log, lines } = scriptedProcesses(t, () => OBEDIENT);
  const begun = settingsOf({ NAME: 'before' });
  const next = settingsOf({ NAME: 'after' });
  const read = () => next;
  const hangUp = reloadOrReplace({ processes, settings: begun, read, log });
  // The first arrives before any process listens.
  for (let i = 0; i < 3; i++) hangUp();
  await processes.start();
  await until(() => lines.length === 6);
  assert.deepEqual(
    lines.map(({ msg }) => msg.slice(0, 35)),
    [
      'SIGHUP: the configuration has changed; the processes are replaced one after another',
      'SIGHUP: all processes have the new configuration',
      'SIGHUP: the processes load tokens, keys and certificates again',
      'SIGHUP: all processes have read their files again; earlier lines report files that were refused',
      'SIGHUP: the processes load tokens, keys and certificates again',
      'SIGHUP: all processes have read their files again; earlier lines report files that were refused',
    ].map((msg) => msg.slice(0, 35)),
  );
  assert.equal(processes.running.size, 2);
});

test('SIGHUP waits for a process that starts, which may have read its files before they changed', async (t) => {
  const slow = `setTimeout(() => { ${OBEDIENT} }, 1000)`;
  const { processes, log, lines } = scriptedProcesses(t, (n) => (n === 1 ? OBEDIENT : slow));
  const started = processes.start();
  await until(() => processes.running.size === 2);
  const [, starting] = [...processes.running];
  const ask = t.mock.method(starting!, 'ask');
  const settings = settingsOf();
  reloadOrReplace({ processes, settings, read: () => settings, log })();
  await until(() =>
    lines.some(
      ({ msg }) =>
        msg ===
        'SIGHUP: all processes have read their files again; earlier lines report files that were refused',
    ),
  );
  assert.ok(ask.mock.calls.some(({ arguments: [question] }) => question === 'reload'));
  assert.equal(lines.length, 2);
  await started;
});

test('a stop during a replacement does not count as a failure of the replacement', async (t) => {
  let script = OBEDIENT;
  const { processes, lines } = scriptedProcesses(t, () => script);
  await processes.start();
  script = SILENT;
  const replaced = processes.replace(settingsOf({ NAME: 'after' }));
  await until(() => processes.running.size === 3);
  const successor = [...processes.running].at(-1)!;
  const stopped = processes.stop();
  successor.kill('SIGTERM');
  assert.equal(await replaced, 0);
  await stopped;
  assert.deepEqual([processes.running.size, lines], [0, []]);
});

test('the end of a process is described by its error, its signal or its exit code', () => {
  assert.equal(exitText({ code: 1, signal: null, error: new Error('spawn EMFILE') }), 'spawn EMFILE');
  assert.equal(exitText({ code: null, signal: 'SIGKILL' }), 'SIGKILL');
  assert.equal(exitText({ code: 3, signal: null }), 'exit code 3');
});
