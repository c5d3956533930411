import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FrameTurns } from '../../src/push/frame-turns.ts';

const LARGE = Buffer.alloc(64 * 1024 + 1, 'L');
/** A third of what a socket may cost in a turn. */
const ANSWER = 86 * 1024;
const small = (name: string) => Buffer.from(name);
const nameOf = (frame: Buffer) => (frame.length > 100 ? 'large' : frame.toString());

function turns() {
  const handled: string[] = [];
  const frames = new FrameTurns((frame) => {
    handled.push(nameOf(frame));
    return nameOf(frame) === 'asks much' ? ANSWER : 0;
  });
  return { frames, handled };
}

test('small frames are handled when they arrive', () => {
  const { frames, handled } = turns();
  for (const name of ['a', 'b']) frames.receive(small(name));
  assert.deepEqual(handled, ['a', 'b']);
});

test('a turn handles one large frame of a socket, and later frames keep their order', async () => {
  const { frames, handled } = turns();
  for (const frame of [small('a'), LARGE, small('b'), LARGE, small('c'), LARGE]) frames.receive(frame);
  assert.deepEqual(handled, ['a', 'large']);
  await nextTurn();
  frames.receive(small('d'));
  assert.deepEqual(handled, ['a', 'large', 'b', 'large']);
  await nextTurn();
  assert.deepEqual(handled, ['a', 'large', 'b', 'large', 'c', 'large']);
  await nextTurn();
  assert.deepEqual(handled, ['a', 'large', 'b', 'large', 'c', 'large', 'd']);
  frames.receive(small('e'));
  assert.equal(handled.at(-1), 'e');
});

test('small frames with large answers wait for the next turn too', async () => {
  const { frames, handled } = turns();
  for (let i = 0; i < 10; i++) frames.receive(small('asks much'));
  for (const count of [3, 6, 9, 10]) {
    assert.equal(handled.length, count);
    await nextTurn();
  }
});

test('a frame that waits keeps its bytes when uWS uses its buffer again', async () => {
  const { frames, handled } = turns();
  frames.receive(LARGE);
  const reused = small('first');
  frames.receive(reused);
  reused.fill('x');
  await nextTurn();
  assert.deepEqual(handled, ['large', 'first']);
});

test('frames of all sockets wait in 64 MiB: beyond it the oldest frames of a socket are handled at once', async () => {
  const [one, two] = [turns(), turns()];
  const mebibyte = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 60; i++) one.frames.receive(mebibyte);
  assert.equal(one.handled.length, 1);
  for (let i = 0; i < 10; i++) two.frames.receive(mebibyte);
  assert.equal(one.handled.length, 1);
  assert.ok(two.handled.length > 1 && two.handled.length < 10);
  for (let i = 0; i < 10; i++) two.frames.receive(mebibyte);
  assert.ok(two.handled.length > 10);
  one.frames.close();
  two.frames.close();
  const after = turns();
  for (let i = 0; i < 60; i++) after.frames.receive(mebibyte);
  assert.equal(after.handled.length, 1, 'what a closed socket left behind does not count');
  after.frames.close();
  await nextTurn();
  assert.equal(after.handled.length, 1);
});
