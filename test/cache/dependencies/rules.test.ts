import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RULES, parseRules, RuleFault } from '../../../src/cache/dependencies/rules.ts';
import { Shape, textAt, valuesOf } from '../../../src/cache/dependencies/shape.ts';

test('the default rule has the key patterns of the runbook', () => {
  const [rule, ...others] = parseRules(DEFAULT_RULES);
  assert.deepEqual(others, []);
  assert.equal(rule!.dependent.text, 'calculation:{ticker}:{client_id}:*');
  assert.deepEqual(
    rule!.inputs.map(({ text }) => text),
    ['borrow_rate:{ticker}', 'volatility:{ticker}', 'event_risk:{ticker}', 'broker_config:{client_id}'],
  );
});

test('none and spaces around names are accepted', () => {
  assert.deepEqual(parseRules('none'), []);
  assert.equal(parseRules(' a:{x} = b:{x} , c:{x} ; d:1:* = e:f ').length, 2);
});

const FAULTS: readonly (readonly [text: string, expected: RegExp])[] = [
  ['calculation:{ticker}', /^dependent=input,input in place of/],
  ['a:{x}=b:{x}=c:{x}', /^dependent=input,input in place of/],
  ['a:{x}=b:{y}', /placeholders of a:\{x\} in its inputs; b:\{y\} has \{y\}/],
  ['a:{x}=a:{x}:1', /inputs that do not depend on others; a:\{x\}:1 has the type of a dependent, a/],
  ['a:{x}=b:{x};b:{x}=a:{x}', /inputs that do not depend on others/],
  ['a:{x}=b:{x};c:{x}=a:{x}', /inputs that do not depend on others/],
  ['a:{x}=b:{x};a:{x}:*=c:{x}', /one rule for each type of dependent/],
  ['a:{x}=b:*', /^a template such as/],
  ['{x}:a=b:{x}', /^a template such as/],
  ['a:{x}:{x}=b:{x}', /each placeholder once/],
  ['a=b:c', /a type and an id/],
  ['a:{x=b:c', /^a template such as/],
  ['a::{x}=b:{x}', /^a template such as/],
  [`a:${'1:'.repeat(16)}{x}=b:{x}`, /at most 16 parts/],
];

for (const [text, expected] of FAULTS)
  test(`a faulty rule names what is expected: ${text}`, () => {
    assert.throws(
      () => parseRules(text),
      (fault) => fault instanceof RuleFault && expected.test(fault.message),
    );
  });

test('a key has the form of a template only if each part fits', () => {
  const shapeOf = (text: string) => new Shape(parseRules(`${text}=z:z`)[0]!.dependent);
  const shape = shapeOf('calculation:{ticker}:{client_id}:*');
  assert.deepEqual(
    valuesOf(shape, 'calculation:GME:c1:1000:30'),
    new Map([
      ['ticker', 'GME'],
      ['client_id', 'c1'],
    ]),
  );
  assert.deepEqual(valuesOf(shape, 'calculation:BRK B:c1:x')?.get('ticker'), 'BRK B');
  for (const other of [
    'calculation:GME:c1',
    'calculation:GME:c1:',
    'calculation::c1:1',
    'calculations:GME:c1:1',
  ])
    assert.equal(shape.match(other), false, other);
  const closed = shapeOf('a:{x}:b:{y}');
  assert.ok(closed.match('a:1:b:2'));
  assert.equal(textAt('a:1:b:2', 3), '2');
  for (const other of ['a:1:c:2', 'a:1:b', 'a:1:b:', 'a:1:b:2:3', 'a:1'])
    assert.equal(closed.match(other), false, other);
});

test('a glob of dependents covers those with the same values, and no special character of a value has a meaning', () => {
  const shape = new Shape(parseRules(DEFAULT_RULES)[0]!.dependent);
  assert.equal(shape.glob(new Map([['ticker', 'GME']])), 'calculation:GME:*');
  assert.equal(shape.glob(new Map([['client_id', 'c*']])), 'calculation:*:c\\*:*');
  assert.equal(shape.glob(new Map()), 'calculation:*');
});
