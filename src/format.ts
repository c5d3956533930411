/** Formats numbers for people: for the output of commands and the reports of the load harness. */

/** Three significant digits, never with an exponent. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 6) });
}

/** A number rounded to an integer, with thousands separators. */
export function count(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '–';
}

/** As `count`, but in at most seven characters: 1,234,567 is `1.23 M`. */
export function short(value: number): string {
  if (!Number.isFinite(value) || Math.abs(value) < 999_999.5) return count(value);
  const units = ['M', 'G', 'T'];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.abs(value)) / 3) - 2);
  const scaled = value / 1000 ** (Math.max(0, unit) + 2);
  return `${significant(scaled)} ${units[Math.max(0, unit)]}`;
}

/** A share from 0 to 1 as a percentage. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${significant(share * 100)} %` : '–';
}

/** Bytes in binary units. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let rest = value;
  while (Math.abs(rest) >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${significant(rest)} ${units[unit]}`;
}

/** Formats a duration with its two largest units: `3 d 4 h`. */
export function span(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const parts: readonly (readonly [unit: string, n: number])[] = [
    ['d', Math.floor(whole / 86_400)],
    ['h', Math.floor(whole / 3_600) % 24],
    ['min', Math.floor(whole / 60) % 60],
    ['s', whole % 60],
  ];
  const first = parts.findIndex(([, n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .map(([unit, n]) => `${n} ${unit}`)
    .join(' ');
}
