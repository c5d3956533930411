import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unread } from '../../src/http/unread.ts';

const MiB = 1024 * 1024;

test('answers go out only as they are read from when 256 MiB are unread until they no longer are', () => {
  let native = 80 * MiB;
  const load = { open: 0, bodyBytes: 0, draining: false, strict: false };
  const unread = new Unread(load, () => native);
  const strictAt = (bytes: number) => {
    native = bytes;
    unread.look();
    return load.strict;
  };
  assert.deepEqual(
    [336, 337, 400, 300].map((mebibytes) => strictAt(mebibytes * MiB)),
    [false, true, true, false],
  );
  unread.stop();
});
