import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyWarning } from '../../src/cache/key-warning.ts';
import { OTHER, TYPES, typeOf } from '../../src/key.ts';

const KNOWN = TYPES.filter((_, type) => type !== OTHER);

test('a type one edit away from a known type is suspicious in upper and lower case', () => {
  const misspelt: readonly (readonly [key: string, nearest: string])[] = [
    ['borrowrate:AAPL', 'borrow_rate'],
    ['borow_rate:AAPL', 'borrow_rate'],
    ['borrow_rates:AAPL', 'borrow_rate'],
    ['borrow-rate:AAPL', 'borrow_rate'],
    ['BORROW_RATE:AAPL', 'borrow_rate'],
    [' min_rate:AAPL', 'min_rate'],
    ['volatilty:AAPL:30', 'volatility'],
    ['Event_Risk:AAPL', 'event_risk'],
    ['broker_confi:x', 'broker_config'],
    ['calculations:', 'calculation'],
  ];
  for (const [key, nearest] of misspelt)
    assert.equal(keyWarning(key), `suspicious_key_type; nearest=${nearest}`, key);
});

test('a known type, a very different type, and a key without a type are not suspicious', () => {
  const fine = KNOWN.map((name) => `${name}:AAPL`);
  for (const key of [...fine, 'borrow_rate', 'borrowrate', 'borow_rat:A', 'rate:A', 'other:A', 'a', ':', ''])
    assert.equal(keyWarning(key), undefined, key);
});

test('a warning names the known type, and does not copy the key into the header', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KNOWN), fc.nat(12), fc.string({ maxLength: 2 }), (name, at, letters) => {
      const key = `${name.slice(0, at)}${letters}${name.slice(at + 1)}:X`;
      const warning = keyWarning(key);
      if (typeOf(key) !== OTHER) assert.equal(warning, undefined);
      assert.match(warning ?? 'suspicious_key_type; nearest=x', /^suspicious_key_type; nearest=[a-z_]+$/);
    }),
  );
});
