import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Flight, Flights } from '../../src/client/flights.ts';
import { Watches } from '../../src/client/watches.ts';

test('an exception while reads are sent fails these reads, and later reads of the keys are sent', async () => {
  const failure = new Error('it cannot be sent');
  const sent: string[][] = [];
  const flights = new Flights({
    maxInFlight: 10,
    maxBatchKeys: 10,
    isFull: () => false,
    send: async (batch: readonly Flight[]) => {
      sent.push(batch.map(({ key }) => key));
      if (sent.length === 1) throw failure;
    },
  });
  const reads = ['x:1', 'x:2'].map((key) => flights.join(key, 60_000));
  for (const read of reads) await assert.rejects(read, failure);
  assert.equal(flights.size, 0);
  void flights.join('x:1', 60_000);
  await new Promise(setImmediate);
  assert.deepEqual(sent, [['x:1', 'x:2'], ['x:1']]);
});

test('a watch with a key that is not a string can be removed, with its other keys', () => {
  const watches = new Watches(100, 100);
  const keys = ['borrow_rate:A', undefined as unknown as string];
  assert.throws(() => watches.add(1, { keys }), TypeError);
  watches.remove(1);
  assert.equal(watches.covers('borrow_rate:A'), false);
});
