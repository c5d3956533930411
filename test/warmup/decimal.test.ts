import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { percentToFraction, wholeNumber } from '../../src/warmup/decimal.ts';

test('a percentage becomes a fraction without floating-point error', () => {
  assert.notEqual(String(1.0977 / 100), '0.010977');
  assert.equal(percentToFraction('1.0977'), '0.010977');
  assert.equal(percentToFraction('-6.4292'), '-0.064292');
  assert.equal(percentToFraction('15.5398'), '0.155398');
  assert.equal(percentToFraction('0.9100'), '0.0091');
  assert.equal(percentToFraction('100'), '1');
  assert.equal(percentToFraction('12345.6'), '123.456');
  assert.equal(percentToFraction('+5'), '0.05');
  assert.equal(percentToFraction('.5'), '0.005');
  assert.equal(percentToFraction('5.'), '0.05');
  assert.equal(percentToFraction('000100.00'), '1');
});

test('zero has one form, whatever its sign and its digits', () => {
  for (const zero of ['0', '-0', '0.0000', '-000.0', '+.0']) assert.equal(percentToFraction(zero), '0');
});

test('text other than a plain decimal number is refused', () => {
  for (const text of [
    '',
    '.',
    '-',
    '+-1',
    '1e5',
    '1,5',
    '1 000',
    'NA',
    '--1',
    '1.2.3',
    '0x10',
    '٣',
    'Infinity',
  ]) {
    assert.equal(percentToFraction(text), undefined, text);
  }
});

test('shifting the digits equals exact decimal arithmetic', () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.nat(25), fc.nat(5), (units, scale, zeros) => {
      const shifted = percentToFraction(decimalText(units, scale, zeros));
      assert.ok(shifted !== undefined);
      const [value, valueScale] = parsed(shifted);
      // value / 10^valueScale === units / 10^scale / 100, without a division
      assert.equal(value * 10n ** BigInt(scale + 2), units * 10n ** BigInt(valueScale));
    }),
  );
});

test('the result is a JSON number in its shortest form', () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 12n), 10n ** 12n), fc.nat(10), fc.nat(3), (units, scale, zeros) => {
      const shifted = percentToFraction(decimalText(units, scale, zeros))!;
      assert.match(shifted, /^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
      assert.notEqual(shifted, '-0');
      assert.equal(JSON.parse(shifted), Number(`${units}e-${scale + 2}`));
    }),
  );
});

test('a long run of zeros takes no longer than its length', () => {
  assert.equal(percentToFraction(`0.${'0'.repeat(1_000_000)}1`)?.length, 1_000_005);
});

test('a whole number loses its leading zeros and nothing else', () => {
  assert.equal(wholeNumber('007'), '7');
  assert.equal(wholeNumber('000'), '0');
  assert.equal(wholeNumber('9007199254740993'), '9007199254740993');
  for (const text of ['', '-1', '1.0', '1e3']) assert.equal(wholeNumber(text), undefined);
});

/** `units` / 10^`scale` written out, with needless zeros before and after. */
function decimalText(units: bigint, scale: number, zeros: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const decimals = digits.slice(digits.length - scale);
  const padding = '0'.repeat(zeros);
  return scale === 0 ? `${sign}${padding}${whole}` : `${sign}${padding}${whole}.${decimals}${padding}`;
}

function parsed(text: string): [units: bigint, scale: number] {
  const [whole = '', decimals = ''] = text.split('.');
  return [BigInt(whole === '-0' ? `-${decimals}` : whole + decimals), decimals.length];
}
