import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../src/push/history.ts';

const changedSince = (history: History, position = history.position) => {
  const keys = history.since(position);
  return keys && [...keys];
};

test('the keys that changed after a position are known', () => {
  const history = new History(4);
  const start = history.position;
  for (const key of ['a', 'b', 'a']) history.changed(key, false);
  const later = history.position;
  history.changed('c', false);
  assert.deepEqual(changedSince(history, start), ['a', 'b', 'c']);
  assert.deepEqual(changedSince(history, later), ['c']);
  assert.deepEqual(changedSince(history), []);
});

test('a position that is too old, of another epoch or in the future is not known', () => {
  const history = new History(2);
  const start = history.position;
  for (const key of ['a', 'b', 'c']) history.changed(key, false);
  assert.equal(changedSince(history, start), undefined);
  assert.deepEqual(changedSince(history, { ...start, offset: 1 }), ['b', 'c']);
  assert.equal(changedSince(history, { ...start, offset: 4 }), undefined);
  const before = history.position;
  history.restart();
  assert.equal(changedSince(history, before), undefined);
  assert.notEqual(new History().position.epoch, new History().position.epoch);
});

test('no position of a new epoch is beyond a change whose state clients do not have yet', () => {
  const history = new History();
  history.changed('a', true);
  history.restart();
  const { position } = history;
  history.changed('b', false);
  assert.deepEqual(changedSince(history, position), ['a', 'b']);
  history.changed('a', true);
  history.settled('a');
  assert.equal(history.position.offset, 0, 'the second read of the key has not ended');
  history.settled('a');
  assert.equal(history.position.offset, 3);
});

test('no position is beyond a change whose state clients do not have yet', () => {
  const history = new History();
  history.changed('a', true);
  history.changed('b', false);
  history.changed('a', true);
  assert.equal(history.position.offset, 0);
  history.settled('a');
  assert.equal(history.position.offset, 0, 'the second read of the key has not ended');
  history.settled('a');
  assert.equal(history.position.offset, 3);
});
