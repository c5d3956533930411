import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CorkBuffer } from '../../src/http/cork-buffer.ts';

const REQUEST_MS = 0.001;
const CHUNK_MS = 0.01;

/** A connection that asks for `depth` answers of `bytes` at a time; which of each chunk were corked. */
function answer(bytes: number, depth: number, chunks: number, onLook = () => {}): boolean[][] {
  let now = 0;
  const buffer = new CorkBuffer(() => {
    onLook();
    return now;
  });
  return Array.from({ length: chunks }, () => {
    now += CHUNK_MS;
    return Array.from({ length: depth }, () => {
      now += REQUEST_MS;
      const corked = buffer.overflows(bytes);
      buffer.answered();
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

test('of chunks that fit hardly any answer costs a look at the clock, or is corked', () => {
  for (const depth of [1, 4, 16]) {
    let looks = 0;
    const chunks = answer(500, depth, 100_000 / depth, () => {
      looks++;
    });
    assert.ok(looks < 20_000, `${looks} of 100,000`);
    assert.ok(chunks.flat().filter(Boolean).length < 2_000);
  }
});

test('when chunks begin to overflow that is noticed within half a megabyte, and when they no longer do, within a dozen', () => {
  let now = 0;
  const buffer = new CorkBuffer(() => now);
  const chunk = (depth: number) => {
    now += CHUNK_MS;
    return Array.from({ length: depth }, () => {
      now += REQUEST_MS;
      const corked = buffer.overflows(500);
      buffer.answered();
      return corked;
    });
  };
  for (let i = 0; i < 1000; i++) chunk(16);
  let unnoticed = 0;
  while (!chunk(64).slice(33).every(Boolean)) unnoticed += 64 * 500;
  assert.ok(unnoticed < 600 * 1024, `${unnoticed}`);
  for (let i = 0; i < 100; i++) assert.ok(chunk(64).slice(33).every(Boolean));
  for (let i = 0; i < 12; i++) chunk(16);
  assert.ok(
    !Array.from({ length: 50 }, () => chunk(16))
      .flat()
      .includes(true),
  );
});

test('an answer larger than the buffer is always corked', () => {
  assert.deepEqual(new Set(answer(64 * 1024, 1, 10).flat()), new Set([true]));
});

/** A busy machine: the requests of a chunk are as far apart as chunks are. `write` says how long an answer takes. */
function busy(write: (corked: boolean) => number, answers: number): boolean[] {
  let now = 0;
  const buffer = new CorkBuffer(() => now);
  return Array.from({ length: answers }, () => {
    now += 2 * CHUNK_MS;
    const corked = buffer.overflows(500);
    now += write(corked);
    buffer.answered();
    return corked;
  });
}

const IN_PIECES_MS = 0.05;
const WHOLE_MS = 0.001;

test('answers found to be sent in pieces are corked, however far apart their requests are', () => {
  const corked = busy((corked) => (corked ? WHOLE_MS : IN_PIECES_MS), 500_000);
  const plain = corked.slice(-250_000).filter((each) => !each).length;
  assert.ok(plain < 2_500, `${plain} of 250,000 in pieces`);
});

test('an answer that had to wait for its core now and then is no reason to cork all', () => {
  let answers = 0;
  const corked = busy(() => (++answers % 1000 === 0 ? 1 : WHOLE_MS), 500_000);
  const some = corked.filter(Boolean).length;
  assert.ok(some < 25_000, `${some} of 500,000 corked`);
});

test('when answers fit again, corking them ends', () => {
  let inPieces = true;
  let answers = 0;
  const corked = busy((corked) => {
    inPieces = ++answers < 200_000;
    return corked || !inPieces ? WHOLE_MS : IN_PIECES_MS;
  }, 400_000);
  const late = corked.slice(-50_000).filter(Boolean).length;
  assert.ok(late < 2_500, `${late} of 50,000 corked`);
});
