/** What a reader demands of an answer, as the request directives of RFC 9111, section 5.2.1. All times are in ms. */
export interface Terms {
  /** The data may be at most this old. */
  readonly maxAgeMs?: number | undefined;
  /** The value must stay valid for at least this long. */
  readonly minFreshMs?: number | undefined;
  /** Redis must be asked now. */
  readonly noCache?: boolean | undefined;
  /** Redis must not be asked. */
  readonly onlyIfCached?: boolean | undefined;
}

/**
 * Returns why a value does not meet the terms, as a sentence; undefined if it meets them.
 * @param ageMs undefined if it is unknown how old the data is
 * @param leftMs how long the value stays valid
 */
export function brokenBy(terms: Terms, ageMs: number | undefined, leftMs: number): string | undefined {
  const { maxAgeMs, minFreshMs } = terms;
  if (maxAgeMs !== undefined && !(ageMs !== undefined && ageMs <= maxAgeMs)) {
    const age = ageMs === undefined ? 'of unknown age' : `${ageMs / 1000} s old`;
    return `the data is ${age}, and the request allows ${maxAgeMs / 1000} s`;
  }
  if (minFreshMs !== undefined && leftMs < minFreshMs)
    return `the value expires in ${leftMs / 1000} s, and the request requires ${minFreshMs / 1000} s`;
  return undefined;
}
