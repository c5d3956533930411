import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unread } from '../../src/http/unread.ts';

const MiB = 1024 * 1024;

/** What it makes of so much native memory, of which 80 MiB are there at the start. */
function watched() {
  let native = 80 * MiB;
  let now = 0;
  const load = { open: 0, bodyBytes: 0, draining: false, strict: false };
  const told: [strict: boolean, mebibytes: number][] = [];
  const unread = new Unread(
    load,
    (strict, bytes) => told.push([strict, bytes / MiB]),
    () => native,
    () => now,
  );
  unread.stop();
  const strictAt = (mebibytes: number, seconds = 0) => {
    native = mebibytes * MiB;
    now = seconds * 1000;
    unread.look();
    return load.strict;
  };
  return { strictAt, told };
}

test('answers go out only as they are read from when 256 MiB are unread until they no longer are, and that is told', () => {
  const { strictAt, told } = watched();
  assert.deepEqual(
    [336, 337, 400, 300].map((mebibytes) => strictAt(mebibytes)),
    [false, true, true, false],
  );
  assert.deepEqual(told, [
    [true, 257],
    [false, 220],
  ]);
});

test('memory that has not gone after a minute is not of answers, and more of it is needed then', () => {
  const { strictAt } = watched();
  assert.deepEqual([strictAt(400, 1), strictAt(400, 61), strictAt(400, 62)], [true, true, false]);
  assert.deepEqual([strictAt(656, 63), strictAt(657, 64)], [false, true]);
});
