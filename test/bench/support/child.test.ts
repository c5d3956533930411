import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runJob, startChild } from '../../../bench/support/child.ts';
import { programFile } from '../../support/program-file.ts';

const COUNTER = "process.on('message', ({ n }) => process.send(n + 1)); process.send(process.argv[2] ?? '');";

test('a child reports that it is ready, answers each message, and is gone once stopped', async (t) => {
  const child = await startChild<string>(await programFile(t, COUNTER), { args: ['hello'] });
  assert.equal(child.ready, 'hello');
  assert.equal(await child.ask({ n: 1 }), 2);
  await child.stop();
  assert.throws(() => process.kill(child.pid, 0), { code: 'ESRCH' });
});

test('a child that ends before it is ready, or before it answers, is an error at once', async (t) => {
  await assert.rejects(startChild(await programFile(t, 'process.exit(3)')), /program\.js ended with 3/);
  const ending = await programFile(t, "process.on('message', () => process.exit(4)); process.send('ready');");
  await assert.rejects(runJob(ending, {}), /ended with 4/);
});

test('a child that does not answer in time is killed, and the error names the message', async (t) => {
  const silent = await programFile(t, "process.on('message', () => {}); process.send('ready');");
  const child = await startChild(silent, { answerTimeoutMs: 50 });
  for (const n of [1, 2])
    await assert.rejects(child.ask({ n }), /program\.js: no answer within 0\.05 s to { n: 1 }/);
  await child.stop();
});

test('a job has a process of its own', async (t) => {
  assert.equal(await runJob(await programFile(t, COUNTER), { n: 41 }), 42);
});
