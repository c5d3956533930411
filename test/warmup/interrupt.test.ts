import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Interrupt } from '../../src/warmup/interrupt.ts';

test('a wait settles as its promise does while nothing interrupts', async () => {
  for (const signal of [undefined, new AbortController().signal]) {
    const interrupt = new Interrupt(signal);
    assert.equal(await interrupt.wait(Promise.resolve(5)), 5);
    await assert.rejects(interrupt.wait(Promise.reject(new Error('no'))), { message: 'no' });
    assert.equal(interrupt.happened, false);
  }
});

test('an abort ends every wait, those that begin after it included', async () => {
  const abort = new AbortController();
  const interrupt = new Interrupt(abort.signal);
  const waits = [interrupt.wait(new Promise(() => {})), interrupt.wait(new Promise(() => {}))];
  abort.abort();
  waits.push(interrupt.wait(new Promise(() => {})));
  for (const wait of waits) await assert.rejects(wait, { message: 'interrupted' });
  assert.equal(interrupt.happened, true);
});

test('a promise that rejects after the interruption is ignored', async () => {
  const abort = new AbortController();
  const interrupt = new Interrupt(abort.signal);
  const late = Promise.withResolvers<never>();
  const wait = interrupt.wait(late.promise);
  abort.abort();
  await assert.rejects(wait, { message: 'interrupted' });
  late.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
});
