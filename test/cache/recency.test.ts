import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Entry } from '../../src/cache/entry.ts';
import { Recency } from '../../src/cache/recency.ts';

const entryOf = (key: string) => new Entry(key, { encoding: 'json', body: '1' }, '0'.repeat(24), 0, 1);

/** Lets all go, the least recently used first. */
function drain(recency: Recency): string[] {
  const keys: string[] = [];
  for (let oldest = recency.oldest; oldest !== undefined; oldest = recency.oldest) {
    keys.push(oldest.key);
    recency.leave(oldest);
  }
  return keys;
}

test('of fewer than sixteen the order of use is known exactly', () => {
  const recency = new Recency();
  const [a, b, c] = ['a', 'b', 'c'].map(entryOf) as [Entry, Entry, Entry];
  for (const entry of [a, b, c]) recency.enter(entry);
  for (const entry of [a, b, a, c, b]) recency.touch(entry);
  assert.deepEqual(drain(recency), ['a', 'c', 'b']);
});

test('of many, what was used before a sixteenth of them came in goes before what was used after', () => {
  const recency = new Recency();
  const early = Array.from({ length: 50 }, (_, i) => entryOf(`early${i}`));
  const late = Array.from({ length: 50 }, (_, i) => entryOf(`late${i}`));
  for (const entry of [...late, ...early]) recency.enter(entry);
  for (const entry of early) recency.touch(entry);
  for (let i = 0; i < 100; i++) recency.enter(entryOf(`new${i}`));
  for (const entry of late) recency.touch(entry);
  const order = drain(recency);
  const position = (prefix: string) =>
    order.flatMap((key, i) => (key.startsWith(prefix) ? i : [])) as number[];
  assert.ok(Math.max(...position('early')) < Math.min(...position('late')));
});

test('use within a generation moves an entry once', () => {
  const recency = new Recency();
  const entries = Array.from({ length: 10 }, (_, i) => entryOf(String(i)));
  for (const entry of entries) recency.enter(entry);
  for (let i = 0; i < 100; i++) recency.enter(entryOf('x'));
  recency.touch(entries[3]!);
  recency.touch(entries[5]!);
  recency.touch(entries[3]!);
  assert.deepEqual(drain(recency).slice(-2), ['3', '5']);
});

test('what was cleared keeps nothing else alive, and may come in again before or after it was cut', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const recency = new Recency();
  const fill = () => {
    const entries = Array.from({ length: 5000 }, (_, i) => entryOf(String(i)));
    for (const entry of entries) recency.enter(entry);
    // The first slice is cut at once, the last much later.
    return {
      first: entries[0]!,
      next: entries[2000]!,
      last: entries.at(-1)!,
      other: new WeakRef(entries[4000]!),
    };
  };
  const held = [fill()];
  recency.clear();
  held.push(fill());
  recency.clear();
  for (const { first, next, last } of held) for (const entry of [next, first, last]) recency.enter(entry);
  assert.deepEqual(drain(recency), ['2000', '0', '4999', '2000', '0', '4999']);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  gc();
  assert.deepEqual(
    held.map(({ other }) => other.deref()),
    [undefined, undefined],
  );
  for (const { first, next, last } of held) for (const entry of [last, next, first]) recency.enter(entry);
  assert.deepEqual(drain(recency), ['4999', '2000', '0', '4999', '2000', '0']);
});

test('an entry that was cleared and comes in again stays, with all that came in with it, whatever is cut meanwhile', async () => {
  // The first, the last and one in between of what waits to be cut, each alone.
  for (const again of [0, 2000, 3500, 4999]) {
    const recency = new Recency();
    const entries = Array.from({ length: 5000 }, (_, i) => entryOf(String(i)));
    for (const entry of entries) recency.enter(entry);
    recency.clear();
    for (const key of ['a', 'b']) recency.enter(entryOf(key));
    recency.enter(entries[again]!);
    recency.enter(entryOf('c'));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    recency.touch(entries[again]!);
    assert.deepEqual(drain(recency), ['a', 'b', 'c', String(again)], `${again}`);
  }
});
