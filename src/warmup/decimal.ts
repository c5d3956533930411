// The point is not optional by itself: digits that both groups may take would be tried in every division.
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/;

/**
 * A percentage as a fraction, exactly: `1.0977` -> `0.010977`, `-6.4292` -> `-0.064292`, `100` -> `1`.
 *
 * The shift is made on the text because `1.0977 / 100` in floating point is `0.010977000000000001`.
 * The result is a JSON number in its shortest form: no exponent, no needless zeros, no `-0`.
 * `undefined` when the text is no plain decimal number (exponents, thousands separators and signs alone are none).
 */
export function percentToFraction(text: string): string | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', decimals = ''] = match;
  if (whole === '' && decimals === '') return undefined;
  const padded = whole.padStart(2, '0');
  const integer = withoutLeadingZeros(padded.slice(0, -2));
  const fraction = withoutTrailingZeros(padded.slice(-2) + decimals);
  if (integer === '' && fraction === '') return '0';
  const magnitude = `${integer || '0'}${fraction && `.${fraction}`}`;
  return sign === '-' ? `-${magnitude}` : magnitude;
}

/** A whole number without its leading zeros: `007` -> `7`, `000` -> `0`; `undefined` for anything but digits. */
export function wholeNumber(text: string): string | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  return withoutLeadingZeros(text) || '0';
}

function withoutLeadingZeros(digits: string): string {
  let start = 0;
  while (digits[start] === '0') start++;
  return digits.slice(start);
}

// A loop, not /0+$/: that expression is quadratic on a long run of zeros that is not at the end.
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
