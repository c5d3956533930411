import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureMemory } from '../../../loadtest/capacity/memory.ts';

test('an entry uses its value, its key, its header and some hundred bytes, and larger values use more', async () => {
  const [small, large] = await Promise.all([measureMemory(10_000, 200), measureMemory(10_000, 2_000)]);
  assert.equal(small.entries, 10_000);
  assert.ok(
    small.liveBytesPerEntry > 400 && small.liveBytesPerEntry < 1_200,
    String(small.liveBytesPerEntry),
  );
  const more = large.liveBytesPerEntry - small.liveBytesPerEntry;
  assert.ok(Math.abs(more - 1_800) < 100, String(more));
  // The amount of garbage depends on V8 and the machine; that it uses memory does not.
  assert.ok(large.bytesPerEntry > large.liveBytesPerEntry, String(large.bytesPerEntry));
});
