import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backlog, type Waiting } from '../../src/push/conflate.ts';
import { State } from '../../src/push/state.ts';
import { entryOf, versionOf } from './deps.ts';

const stateOf = (key: string, number: number, merged = 0) =>
  new State(key, entryOf(key, number), 'set', merged);

const numberOf = ({ state: { entry } }: Waiting) =>
  entry === undefined ? 'none' : Number.parseInt(entry.version.slice(0, 16), 16);
/** What a notice of a deletion makes of the states of keys that begin so. */
const drop = (start: string) => (state: State) =>
  state.key.startsWith(start) ? state.obsolete('delete') : state;
const keep = (state: State) => state;

/** The frames that a backlog sends, as texts: `key=version+merged`, and notices unchanged. */
function drained(backlog: Backlog, room = Number.POSITIVE_INFINITY): string[] {
  const sent: string[] = [];
  backlog.drain((next) => {
    const text =
      typeof next === 'object' && 'state' in next
        ? `${next.state.key}=${numberOf(next)}+${next.merged + next.state.merged}`
        : String(next);
    sent.push(text);
    return sent.length < room;
  });
  return sent;
}

test('a newer state replaces the queued state of its key in place, and counts the states that it replaced', () => {
  const backlog = new Backlog();
  for (const [key, number] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
    ['a', 5],
  ] as const)
    backlog.add(stateOf(key, number), true);
  assert.equal(backlog.size, 3);
  assert.deepEqual(drained(backlog), ['a=5+2', 'b=2+0', 'c=4+0']);
  assert.equal(backlog.size, 0);
});

test('every state is sent or counted as merged, and the last state of each key is sent', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), merged: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const backlog = new Backlog();
      const last = new Map<string, number>();
      const count = new Map<string, number>();
      for (const [i, { key, merged }] of steps.entries()) {
        backlog.add(stateOf(key, i, merged), true);
        last.set(key, i);
        count.set(key, (count.get(key) ?? -1) + 1 + merged);
      }
      const expected = [...last].map(([key, number]) => `${key}=${number}+${count.get(key)}`);
      assert.deepEqual(drained(backlog).sort(), expected.sort());
    }),
  );
});

test('draining stops when the socket is full, and continues from there', () => {
  const backlog = new Backlog();
  for (const key of ['a', 'b', 'c', 'd']) backlog.add(stateOf(key, 1), true);
  assert.deepEqual(drained(backlog, 2), ['a=1+0', 'b=1+0']);
  backlog.add(stateOf('a', 2), true);
  assert.deepEqual(drained(backlog), ['c=1+0', 'd=1+0', 'a=2+0']);
});

test('a notice is sent first, makes queued values deletions, and does not cover later states', () => {
  const backlog = new Backlog();
  backlog.add(stateOf('a:1', 1), true);
  backlog.add(stateOf('a:2', 1), true);
  backlog.add(stateOf('b:1', 2), true);
  backlog.addNotice('a', 'drop a', drop('a:'));
  backlog.add(stateOf('a:1', 3), true);
  assert.equal(backlog.size, 4);
  assert.equal(backlog.noticed, true);
  assert.deepEqual(drained(backlog), ['drop a', 'a:1=3+1', 'a:2=none+0', 'b:1=2+0']);
  assert.equal(backlog.noticed, false);
});

test('a queued deletion stays queued after a notice, because a snapshot may be sent between the two', () => {
  const backlog = new Backlog();
  backlog.add(new State('a:1', undefined, 'delete', 0), true);
  backlog.addNotice('a', 'drop a', drop('a:'));
  const sent: string[] = [];
  backlog.drainNotices((frame) => sent.push(String(frame)));
  backlog.drain((next) => sent.push((next as Waiting).state.key) > 0);
  assert.deepEqual(sent, ['drop a', 'a:1']);
});

test('equal notices are merged into one', () => {
  const backlog = new Backlog();
  for (let i = 0; i < 100; i++) backlog.addNotice('a', 'drop a', keep);
  backlog.addNotice('b', 'drop b', keep);
  assert.equal(backlog.size, 2);
  assert.deepEqual(drained(backlog), ['drop a', 'drop b']);
});

test('deleted and cleared states are not sent', () => {
  const backlog = new Backlog();
  backlog.add(stateOf('a', 1), true);
  backlog.add(stateOf('b', 1), false);
  assert.equal(backlog.get('b')?.state.entry?.version, versionOf(1));
  backlog.delete('a');
  assert.deepEqual(drained(backlog), ['b=1+0']);
  backlog.add(stateOf('a', 1), true);
  backlog.addNotice('a', 'drop', keep);
  backlog.clear();
  assert.deepEqual(drained(backlog), []);
});
