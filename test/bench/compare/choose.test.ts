import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenRows } from '../../../bench/compare/choose.ts';
import { ROWS } from '../../../bench/compare/rows/index.ts';

const chosen = (...names: string[]) =>
  chosenRows(ROWS, names).map(({ name, contestants }) => [name, ...contestants.map((each) => each.name)]);

test('without names all rows are chosen', () => {
  assert.deepEqual(chosenRows(ROWS, []), ROWS);
});

test('the name of a row chooses it with all its contestants', () => {
  assert.deepEqual(chosen('put'), [['put', 'ratecache', 'ioredis SET']]);
});

test('the name of a server chooses it next to ours and the reference, in each row that has it', () => {
  assert.deepEqual(chosen('varnish'), [
    ['get', 'ratecache', 'bare-uws', 'varnish'],
    ['get-16', 'ratecache', 'bare-uws', 'varnish'],
  ]);
  assert.deepEqual(chosen('get-16', 'bare-uws'), [['get-16', 'ratecache', 'bare-uws']]);
});

test('an unknown name is an error', () => {
  assert.throws(() => chosenRows(ROWS, ['vanish']), /named vanish/);
});
