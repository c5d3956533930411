/** The terms of a read, as members of a request. */
import type { Terms } from '../cache/terms.ts';
import type { ReadOptions } from './client.ts';

/** The members of a request that set terms, in seconds, or say what to return instead of values that are not good. */
export type TermMembers = Pick<
  ReadOptions,
  'maxAge' | 'minFresh' | 'noCache' | 'onlyIfCached' | 'halted' | 'fallback'
>;

/** Returns the terms in the options of a call; undefined without any. */
export function termMembersOf(options: ReadOptions | undefined): TermMembers | undefined {
  if (options === undefined) return undefined;
  const { maxAge, minFresh, noCache, onlyIfCached, halted, fallback } = options;
  if ((maxAge ?? minFresh ?? noCache ?? onlyIfCached ?? halted ?? fallback) === undefined) return undefined;
  return {
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(minFresh === undefined ? {} : { minFresh }),
    ...(noCache === undefined ? {} : { noCache }),
    ...(onlyIfCached === undefined ? {} : { onlyIfCached }),
    ...(halted === undefined ? {} : { halted }),
    ...(fallback === undefined ? {} : { fallback }),
  };
}

export function termsOf({ maxAge, minFresh }: TermMembers): Terms {
  return {
    maxAgeMs: maxAge === undefined ? undefined : maxAge * 1000,
    minFreshMs: minFresh === undefined ? undefined : minFresh * 1000,
  };
}

/** The keys in lists of at most `size`. */
export function slicesOf(keys: readonly string[], size: number): string[][] {
  const count = Math.ceil(keys.length / size);
  return Array.from({ length: count }, (_, i) => keys.slice(i * size, (i + 1) * size));
}
