import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrowed } from '../../../bench/compare/narrow.ts';
import { ROWS } from '../../../bench/compare/rows/index.ts';

const chosen = (...names: string[]) =>
  narrowed(ROWS, names).map(({ name, contestants }) => [name, ...contestants.map((each) => each.name)]);

test('without names all is measured', () => {
  assert.deepEqual(narrowed(ROWS, []), ROWS);
});

test('the name of a row chooses it with all its contestants', () => {
  assert.deepEqual(chosen('put'), [['put', 'ratecache', 'ioredis set']]);
});

test('the name of a server chooses it beside ours, in each row that has it or in those named', () => {
  assert.deepEqual(chosen('varnish'), [
    ['get', 'ratecache', 'varnish'],
    ['get-16', 'ratecache', 'varnish'],
  ]);
  assert.deepEqual(chosen('get-16', 'varnish', 'bare-uws'), [['get-16', 'ratecache', 'bare-uws', 'varnish']]);
});

test('a name that is nobody’s is an error', () => {
  assert.throws(() => narrowed(ROWS, ['vanish']), /named vanish/);
});
