import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  allowsKey,
  allowsMatch,
  allowsPattern,
  allowsPrefix,
  allowsType,
  concerns,
  isCurrent,
} from '../../src/access/principal.ts';
import { matcher } from '../../src/cache/match.ts';
import { OTHER, typeIndex } from '../../src/key.ts';
import { principal } from './support.ts';

test('a key is allowed if it starts with one of the prefixes', () => {
  const who = principal({ prefixes: ['borrow_rate:', 'min_rate:'] });
  for (const key of ['borrow_rate:AAPL', 'min_rate:GME']) assert.ok(allowsKey(who, key));
  for (const key of ['volatility:AAPL', 'borrow_rate', 'xborrow_rate:AAPL', 'Borrow_rate:AAPL'])
    assert.ok(!allowsKey(who, key), key);
});

test('without prefixes every key is allowed, and with an empty list no key', () => {
  assert.ok(allowsKey(principal({ prefixes: undefined }), 'a:b'));
  assert.ok(allowsPattern(principal({ prefixes: undefined }), '*'));
  assert.ok(!allowsKey(principal({ prefixes: [] }), 'a:b'));
  assert.ok(!allowsPattern(principal({ prefixes: [] }), 'a:b'));
});

test('a subscription by prefix must lie within an allowed prefix', () => {
  const who = principal({ prefixes: ['borrow_rate:A'] });
  assert.ok(allowsPrefix(who, 'borrow_rate:A'));
  assert.ok(allowsPrefix(who, 'borrow_rate:AA'));
  for (const prefix of ['', 'borrow_rate:', 'borrow_rate:B']) assert.ok(!allowsPrefix(who, prefix), prefix);
});

test('a type is allowed if all its keys are, and the type other only with every key', () => {
  const who = principal({ prefixes: ['borrow_rate:', 'volatility:A'] });
  assert.ok(allowsType(who, typeIndex('borrow_rate')!));
  assert.ok(!allowsType(who, typeIndex('volatility')!));
  assert.ok(!allowsType(who, OTHER));
  assert.ok(allowsType(principal(), OTHER));
  assert.ok(allowsMatch(who, { type: typeIndex('borrow_rate')! }));
});

test('the literal head of a pattern must lie within an allowed prefix', () => {
  const who = principal({ prefixes: ['calc[1]:'] });
  assert.ok(allowsPattern(who, 'calc\\[1\\]:*'));
  assert.ok(allowsMatch(who, { pattern: 'calc\\[1]:GME' }));
  for (const pattern of ['calc[1]:*', '*', 'calc?1]:*', 'cal*', 'calc\\[1*'])
    assert.ok(!allowsPattern(who, pattern), pattern);
});

test('an allowed pattern matches allowed keys only', () => {
  const alphabet = fc.constantFrom('a', 'b', ':', '*', '?', '[', ']', '\\', '^', '-');
  const text = fc.string({ unit: alphabet, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), text, text, (prefixes, pattern, key) => {
      const who = principal({ prefixes });
      return !(allowsPattern(who, pattern) && matcher({ pattern })(key)) || allowsKey(who, key);
    }),
    { numRuns: 20_000 },
  );
});

test('a principal is current until it expires or one of its sources is revoked', () => {
  const standing = { revoked: false };
  const who = principal({ expiresAt: 1000, standings: [{ revoked: false }, standing] });
  assert.ok(isCurrent(who, 999));
  assert.ok(!isCurrent(who, 1000));
  standing.revoked = true;
  assert.ok(!isCurrent(who, 999));
});

test('a match concerns a principal if it can cover one of its keys', () => {
  const rates = principal({ prefixes: ['borrow_rate:A'] });
  for (const pattern of ['*', 'borrow_*', 'borrow_rate:AAPL', 'borrow_rate:A?', '[bv]*'])
    assert.ok(concerns(rates, { pattern }), pattern);
  for (const pattern of ['volatility:*', 'borrow_rate:B*', 'borrow_rate:\\*'])
    assert.ok(!concerns(rates, { pattern }), pattern);
  assert.ok(concerns(rates, { type: typeIndex('borrow_rate')! }));
  assert.ok(!concerns(rates, { type: typeIndex('volatility')! }));
  assert.ok(concerns(rates, { type: OTHER }), 'a prefix may be the prefix of keys of other types');
  assert.ok(!concerns(principal({ prefixes: [] }), { type: OTHER }));
  assert.ok(concerns(principal(), { pattern: 'volatility:*' }));
});

test('a match that covers an allowed key concerns the principal', () => {
  const alphabet = fc.constantFrom('a', 'b', ':', '*', '?', '[', ']', '\\', '^', '-');
  const text = fc.string({ unit: alphabet, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), text, text, (prefixes, pattern, key) => {
      const who = principal({ prefixes });
      return !(allowsKey(who, key) && matcher({ pattern })(key)) || concerns(who, { pattern });
    }),
    { numRuns: 20_000 },
  );
});
