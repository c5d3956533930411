import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyFault, OTHER, TYPES, typeIndex, typeOf } from '../src/key.ts';

test('each of the six types is recognised by the prefix before the first colon', () => {
  const keys: Record<string, string> = {
    borrow_rate: 'borrow_rate:AAPL',
    volatility: 'volatility:AAPL',
    event_risk: 'event_risk:AAPL',
    broker_config: 'broker_config:client-1',
    calculation: 'calculation:AAPL:client-1:100000:30',
    min_rate: 'min_rate:AAPL',
  };
  for (const [type, key] of Object.entries(keys)) assert.equal(TYPES[typeOf(key)], type);
  assert.equal(Object.keys(keys).length + 1, TYPES.length);
});

test('a type with nothing after its colon is still of that type', () => {
  for (const type of TYPES) assert.equal(TYPES[typeOf(`${type}:`)], type);
});

test('a prefix that only resembles a known type is other', () => {
  const others = [
    'borrow_rates:X',
    'borrow_rate',
    'borrow_rat:X',
    'Borrow_rate:X',
    ' borrow_rate:X',
    'broker',
    'broker:X',
    'broker_configs:X',
    'bo',
    'b',
    'volatilit:X',
    'event_riskX:',
    'calculations:X',
    'constructor',
    'min_rate',
    'min-rate:X',
    'x:borrow_rate:X',
    ':borrow_rate:X',
    'toString',
    '__proto__',
    'other',
    'other:X',
    '🦊',
    '',
  ];
  for (const key of others) assert.equal(typeOf(key), OTHER, key);
});

test('the type of any key is the known name before its first colon, else other', () => {
  const part = fc.oneof(
    fc.constantFrom(...TYPES),
    fc.string(),
    fc.constantFrom('b', 'bo', 'br', 'v', 'e', 'c', 'm'),
  );
  fc.assert(
    fc.property(part, fc.constantFrom('', ':', '::'), fc.string(), (head, colon, tail) => {
      const key = head + colon + tail;
      const name = key.includes(':') ? key.slice(0, key.indexOf(':')) : '';
      assert.equal(typeOf(key), typeIndex(name) ?? OTHER);
    }),
  );
});

test('a type is found by its exact name only', () => {
  for (const [index, type] of TYPES.entries()) assert.equal(typeIndex(type), index);
  for (const name of ['', 'borrow_rate:', 'Borrow_rate', 'constructor', 'length', '0'])
    assert.equal(typeIndex(name), undefined, name);
});

test('ordinary keys have no fault, however odd they look', () => {
  for (const key of [
    'constructor',
    '__proto__',
    '🦊',
    'a/b c',
    ' ',
    ':',
    '*',
    '"',
    '\\',
    'ключ',
    '\u{a0}',
    '\u{2028}',
  ])
    assert.equal(keyFault(key, 512), undefined, key);
});

test('an empty key is refused', () => {
  assert.equal(keyFault('', 512), 'is empty');
});

test('a key is measured in bytes of UTF-8, not in characters', () => {
  assert.equal(keyFault('a'.repeat(512), 512), undefined);
  assert.equal(keyFault('a'.repeat(513), 512), 'is longer than 512 bytes');
  assert.equal(keyFault('🦊'.repeat(128), 512), undefined);
  assert.equal(keyFault(`${'🦊'.repeat(128)}a`, 512), 'is longer than 512 bytes');
  assert.equal(keyFault('é'.repeat(256), 512), undefined);
  assert.equal(keyFault('é'.repeat(257), 512), 'is longer than 512 bytes');
  assert.equal(keyFault('€', 2), 'is longer than 2 bytes');
});

test('control characters are refused wherever they stand', () => {
  for (const code of [0, 1, 9, 10, 13, 31, 127, 128, 159]) {
    const control = String.fromCharCode(code);
    for (const key of [control, `a${control}`, `${control}a`, `a${control}b`])
      assert.equal(keyFault(key, 512), 'contains a control character', String(code));
  }
  for (const code of [32, 126, 160]) assert.equal(keyFault(String.fromCharCode(code), 512), undefined);
});

test('a lone surrogate is refused, and a pair is not', () => {
  for (const key of ['\ud83e', '\udd8a', 'a\ud83e', '\udd8a\ud83e', '\ud83ea\udd8a'])
    assert.equal(keyFault(key, 512), 'contains a lone surrogate, which UTF-8 cannot encode');
  assert.equal(keyFault('\ud83e\udd8a', 512), undefined);
});

test('a key without a fault survives UTF-8 and fits its bound', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.integer({ min: 1, max: 30 }),
      (key, maxBytes) => {
        const bytes = Buffer.from(key);
        const good =
          bytes.length >= 1 && bytes.length <= maxBytes && !/\p{Cc}/u.test(key) && bytes.toString() === key;
        assert.equal(keyFault(key, maxBytes) === undefined, good);
      },
    ),
    { numRuns: 500 },
  );
});
