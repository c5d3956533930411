// The point belongs to the optional group. If both groups could match the same digits, matching would be quadratic.
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/;

/**
 * Converts a percentage to an exact fraction: `1.0977` -> `0.010977`, `-6.4292` -> `-0.064292`, `100` -> `1`.
 *
 * It shifts the decimal point in the text, because `1.0977 / 100` in floating point is `0.010977000000000001`.
 * The result is a JSON number in its shortest form: no exponent, no redundant zeros, no `-0`.
 * Returns `undefined` if the text is not a plain decimal number: exponents and thousands separators are not allowed.
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

/** Removes leading zeros of a whole number: `007` -> `7`, `000` -> `0`; `undefined` if the text is not only digits. */
export function wholeNumber(text: string): string | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  return withoutLeadingZeros(text) || '0';
}

function withoutLeadingZeros(digits: string): string {
  let start = 0;
  while (digits[start] === '0') start++;
  return digits.slice(start);
}

// A loop, because /0+$/ takes quadratic time on a long run of zeros that is not at the end.
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
