import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atOnce } from '../../src/cache/turns.ts';
import { Malformed } from '../../src/codec/errors.ts';
import { readJsonRequest } from '../../src/codec/json-request.ts';

const read = (text: string, maxItems = 1_000_000) => atOnce(readJsonRequest(text, maxItems));

const { value: request } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 8 },
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((name) => name !== 'value'),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
}));

test('a request without a member named value reads as JSON.parse reads it', () => {
  fc.assert(
    fc.property(request, fc.constantFrom(undefined, 1, ' \t\r\n'), (data, space) => {
      const text = JSON.stringify(data, undefined, space);
      assert.deepEqual(read(text), JSON.parse(text));
    }),
  );
});

test('a member named value has the span of its text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('value', 'v\\u0061lue'), (value, name) => {
      const text = ` {"key": "a", "${name}" : ${JSON.stringify(value)} , "ttl":1}`;
      const { key, value: span, ttl } = read(text) as { key: string; value: [number, number]; ttl: number };
      assert.deepEqual([key, ttl], ['a', 1]);
      assert.equal(text.slice(...span), JSON.stringify(value));
    }),
  );
});

test('__proto__ is a member like any other', () => {
  assert.deepEqual(Object.entries(read('{"__proto__":{"a":1}}') as object), [['__proto__', { a: 1 }]]);
});

test('a request with too many items, or nested too deeply, is malformed', () => {
  assert.deepEqual(read('{"keys":["a","b"]}', 3), { keys: ['a', 'b'] });
  assert.throws(() => read('{"keys":["a","b"]}', 2), Malformed);
  assert.throws(() => read(`${'['.repeat(17)}${']'.repeat(17)}`), Malformed);
  assert.doesNotThrow(() => read(`${'['.repeat(16)}${']'.repeat(16)}`));
  assert.doesNotThrow(() => read(`{"value":${'['.repeat(1000)}${']'.repeat(1000)}}`));
});

test('a long request yields at least once in 1,000 items', () => {
  const steps = [...readJsonRequest(`[${'[],'.repeat(9_999)}[]]`, 10_000)].length;
  assert.ok(steps >= 9, `${steps} steps`);
});
