import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Entry } from '../../src/cache/entry.ts';
import { GzippedValues } from '../../src/http/gzip.ts';

const MiB = 1024 * 1024;

function entryOf(body: Buffer): Entry {
  return new Entry('borrow_rate:A', { encoding: 'json', body }, '0'.repeat(24), 0, 1);
}

test('readers of a value at the same time wait for one compression, and later readers do not wait', async () => {
  const values = new GzippedValues();
  const body = Buffer.alloc(10_000, 'a');
  const entry = entryOf(body);
  const first = values.get(entry, 'json', body);
  assert.ok(first instanceof Promise);
  assert.equal(values.get(entry, 'json', body), first);
  const gzipped = await first;
  assert.deepEqual(gunzipSync(gzipped!), body);
  assert.equal(values.get(entry, 'json', body), gzipped);
});

test('a value that gzip does not make smaller is not tried again', async () => {
  const values = new GzippedValues();
  const body = randomBytes(10_000);
  const entry = entryOf(body);
  assert.equal(await values.get(entry, 'json', body), undefined);
  assert.ok(!(values.get(entry, 'json', body) instanceof Promise));
});

test('a ninth value at the same time, and a value over 8 MiB, are not compressed', async () => {
  const values = new GzippedValues();
  const bodies = Array.from({ length: 9 }, () => Buffer.alloc(10_000, 'a'));
  const started = bodies.map((body) => values.get(entryOf(body), 'json', body));
  assert.deepEqual(
    started.map((each) => each instanceof Promise),
    [...Array(8).fill(true), false],
  );
  await Promise.all(started);
  const huge = Buffer.alloc(8 * MiB + 1);
  assert.equal(values.get(entryOf(huge), 'json', huge), undefined);
});

test('the least recently used values go when all take more than 64 MiB', async () => {
  const values = new GzippedValues();
  const body = Buffer.alloc(7 * MiB, 'a');
  const entries = Array.from({ length: 10 }, () => entryOf(body));
  const ready = (entry: Entry) => !(values.get(entry, 'json', body) instanceof Promise);
  for (const entry of entries) {
    await values.get(entry, 'json', body);
    assert.ok(ready(entries[0]!), 'the first one is used each time');
  }
  assert.deepEqual([entries[0]!, entries[9]!].map(ready), [true, true]);
  assert.equal(ready(entries[1]!), false);
});
