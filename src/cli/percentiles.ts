import { significant } from '../format.ts';

/** Formats a duration of a histogram: `25.3 µs`, `1.2 ms`. */
export function durationText(seconds: number | undefined, bounds: readonly number[]): string {
  if (seconds === undefined) return '–';
  if (seconds === Number.POSITIVE_INFINITY) return `> ${significant(bounds.at(-1)!)} s`;
  if (seconds < 0.001) return `${significant(seconds * 1e6)} µs`;
  return seconds < 1 ? `${significant(seconds * 1000)} ms` : `${significant(seconds)} s`;
}
