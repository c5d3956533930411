import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heapOfNext } from '../../../bench/peers/heap.ts';
import { forkServer } from '../../../bench/peers/launch.ts';
import { programFile } from '../../support/program-file.ts';

/** An array of 128 numbers: its elements, what says how many they are, and the array itself. */
const ARRAY_BYTES = 128 * 8 + 16 + 32;
const ARRAYS = 100_000;
/** One array in a hundred outlives the collections. */
const PROGRAM = `
  const kept = [];
  process.on('message', ({ arrays }) => {
    for (let i = 0; i < arrays; i++) {
      const made = new Array(128).fill(i);
      if (i % 100 === 0) kept.push(made);
    }
    process.send('made');
  });
  process.send('ready');
`;

test('what a process has allocated is told once, to a hundredth, whether it was collected or is kept', async (t) => {
  const heap = await heapOfNext();
  const program = await programFile(t, PROGRAM);
  const allocator = await forkServer(program, [], { ...process.env, ...heap.env });
  t.after(() => allocator.stop());
  // The code is compiled, and what it has taken until now is told.
  await allocator.ask({ arrays: ARRAYS });
  await heap.allocated();
  for (let round = 0; round < 3; round++) {
    await allocator.ask({ arrays: ARRAYS });
    const each = (await heap.allocated()) / ARRAYS;
    assert.ok(Math.abs(each / ARRAY_BYTES - 1) < 0.01, `${each} bytes an array, and not ${ARRAY_BYTES}`);
  }
  const idle = await heap.allocated();
  assert.ok(idle < 200_000, `${idle} bytes for nothing`);
});
