import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from '../../src/errors.ts';
import { decodedPairs } from '../../src/http/query.ts';

test('a well-formed query is read as URLSearchParams reads it', () => {
  for (const query of [
    'a=1&b=2',
    'a=1&a=2',
    'a',
    'a=',
    '=a',
    'a=b=c',
    '&a=1&&b=2&',
    'k=x+y%2Bz',
    'k+l=1',
    'k=%E2%82%AC%F0%9F%98%80',
    'k=%26%3D%25',
    'k=%EF%BF%BD',
    'k=€',
  ])
    assert.deepEqual([...decodedPairs(query)], [...new URLSearchParams(query)], query);
});

test('a broken encoding is refused with the name of its parameter', () => {
  for (const [query, field] of [
    ['keys=%FF', 'keys'],
    ['a=1&keys=a%', 'keys'],
    ['keys=%C0%80', 'keys'],
    ['keys=%ED%A0%80', 'keys'],
    ['keys=a\ufffd', 'keys'],
    ['%FF=a', undefined],
  ] as const)
    assert.throws(
      () => [...decodedPairs(query)],
      (error) => error instanceof ServiceError && error.code === 'query_invalid' && error.field === field,
      query,
    );
});
