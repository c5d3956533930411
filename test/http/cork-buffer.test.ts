import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorkBuffer } from '../../src/http/cork-buffer.ts';

const REQUEST_MS = 0.001;
const CHUNK_MS = 0.01;

/** A connection that asks for `depth` answers of `bytes` at a time; which of each chunk were corked. */
function answer(bytes: number, depth: number, chunks: number): boolean[][] {
  let now = 0;
  const buffer = new CorkBuffer(() => now);
  return Array.from({ length: chunks }, () => {
    now += CHUNK_MS;
    return Array.from({ length: depth }, () => {
      now += REQUEST_MS;
      const corked = buffer.overflows(bytes);
      if (corked) buffer.answered();
      return corked;
    });
  });
}

/** The bytes of a chunk that were written before its first answer was corked. */
const uncorked = (chunk: boolean[], bytes: number) => chunk.indexOf(true) * bytes;

test('what a chunk’s answers take beyond the buffer is corked, all of it', () => {
  for (const chunk of answer(500, 64, 20)) {
    assert.ok(uncorked(chunk, 500) < 16 * 1024);
    assert.ok(chunk.slice(chunk.indexOf(true)).every((corked) => corked));
  }
});

test('the buffer is empty again after each chunk', () => {
  const [, ...later] = answer(500, 64, 20);
  for (const chunk of later) assert.ok(uncorked(chunk, 500) > 12 * 1024);
});

test('answers that are waited for one by one are corked once in a buffer’s worth at most', () => {
  const corked = answer(500, 1, 10_000).flat().filter(Boolean).length;
  assert.ok(corked <= (10_000 * 500) / (14 * 1024));
});

test('an answer larger than the buffer is always corked', () => {
  assert.deepEqual(new Set(answer(64 * 1024, 1, 10).flat()), new Set([true]));
});
