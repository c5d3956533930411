/** Figures as text. */

export const NONE = '–';

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (value === 0) return '0';
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(places, 6) });
}

/** Milliseconds with a unit. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${digits(ms * 1000)} µs`;
  if (ms < 1000) return `${digits(ms)} ms`;
  return ms < 120_000 ? `${digits(ms / 1000)} s` : `${digits(ms / 60_000)} min`;
}

/** The last limit of the buckets: the service reports a slower percentile as this one. */
const LAST_LIMIT_MS = 2500;

/** Milliseconds that are estimated from the buckets of a histogram. */
export function estimate(ms: number | null): string {
  if (ms === null) return NONE;
  return ms >= LAST_LIMIT_MS ? `≥ ${duration(LAST_LIMIT_MS)}` : `≈ ${duration(ms)}`;
}

/** A share from 0 to 1. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined
    ? NONE
    : `${(share * 100).toFixed(share > 0.999 && share < 1 ? 2 : 1)}\u00a0%`;
}

/** A share from 0 to 1, without a decimal if it is zero: for the marks of an axis. */
export function wholePercent(share: number): string {
  return percent(share).replace(/\.0(?=\u00a0%$)/, '');
}

export function perSecond(rate: number): string {
  return `${rate > 0 && rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en-US')}/s`;
}

/** Bytes with a unit. */
export function size(bytes: number): string {
  return bytes > 0 && bytes < 2 ** 20 ? `${digits(bytes / 1024)} KiB` : `${digits(bytes / 2 ** 20)} MiB`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** The time of day. */
export function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

/** The time of day, with the date unless it is today. In the time zone of the browser. */
export function dateAndTime(iso: string, now = new Date()): string {
  const at = new Date(iso);
  // The Swedish form of a date is the form of ISO 8601.
  return at.toDateString() === now.toDateString() ? timeOfDay(at.getTime()) : at.toLocaleString('sv-SE');
}

/** How long ago or how far ahead a time is: `12 s ago`, `in 4.2 min`. */
export function fromNow(iso: string | undefined, now: number): string {
  if (iso === undefined) return NONE;
  const ms = Date.parse(iso) - now;
  return ms < 0 ? `${duration(-ms)} ago` : `in ${duration(ms)}`;
}

/** Escapes characters that cannot be seen, or that change the direction of the text. */
export function visible(text: string): string {
  return text.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
