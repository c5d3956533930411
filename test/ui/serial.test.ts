import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Serial } from '../../src/ui/serial.ts';

test('calls while a task runs make it run once more afterwards', async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const serial = new Serial(() => {
    runs.push(Promise.withResolvers());
    return runs.at(-1)!.promise;
  });
  const done = serial.run();
  void serial.run();
  void serial.run();
  assert.equal(runs.length, 1);
  runs[0]!.resolve();
  await new Promise(setImmediate);
  assert.equal(runs.length, 2);
  runs[1]!.resolve();
  await done;
  assert.equal(runs.length, 2);
  void serial.run();
  assert.equal(runs.length, 3);
});

test('a task that fails can run again', async () => {
  let runs = 0;
  const serial = new Serial(async () => {
    runs++;
    throw new Error('no');
  });
  await assert.rejects(serial.run());
  await assert.rejects(serial.run());
  assert.equal(runs, 2);
});
