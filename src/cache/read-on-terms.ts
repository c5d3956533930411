import { type ErrorCode, ServiceError } from '../errors.ts';
import type { Entry } from './entry.ts';
import type { Loaded } from './loaded.ts';
import { brokenBy, type Terms } from './terms.ts';
import type { TwoLevel } from './two-level.ts';

/** No value meets the terms of the reader. */
export class TermsNotMet extends ServiceError {
  /** How old the data of the value is, in seconds; undefined where no value was found. */
  readonly age: number | undefined;

  constructor(detail: string, ageMs?: number) {
    super('terms_not_met', detail);
    this.name = 'TermsNotMet';
    this.age = ageMs === undefined ? undefined : ageMs / 1000;
  }
}

/** The cache, and how a reader reads it. */
type Cache = Pick<TwoLevel, 'store' | 'now' | 'fence'>;

/**
 * Returns the entry of L1 if the terms allow it, or undefined where Redis must be asked. It may have a newer value.
 * @param peeked the fresh entry of L1, if any
 * @throws TermsNotMet where Redis cannot help
 */
export function l1OnTerms(
  { store, now }: Pick<Cache, 'store' | 'now'>,
  { noCache, onlyIfCached, ...terms }: Terms,
  peeked: Entry | undefined,
): Loaded | undefined {
  // Without Redis, L1 has the only value.
  const asks = noCache === true && store !== undefined;
  if (asks && onlyIfCached)
    throw new TermsNotMet('no-cache and only-if-cached exclude each other; send one of them');
  if (asks) return undefined;
  if (peeked !== undefined) {
    const broken = broke(terms, peeked, now);
    if (broken === undefined) return { entry: peeked, source: 'l1' };
    if (onlyIfCached || store === undefined) throw broken;
  }
  if (onlyIfCached)
    throw new TermsNotMet('L1 has no fresh value, and the request does not allow a read of Redis');
  return undefined;
}

/**
 * Reads the key from Redis after `l1OnTerms` returned undefined.
 * @param load as `TwoLevel.load`
 * @throws TermsNotMet
 */
export async function loadOnTerms(
  cache: Cache,
  key: string,
  terms: Terms,
  load: (key: string) => Promise<Loaded>,
): Promise<Loaded> {
  const asks = terms.noCache === true && cache.store !== undefined;
  // A read in flight may have left before the request.
  if (asks) cache.fence(key);
  const loaded = await load(key);
  const { entry, source } = loaded;
  if (asks && source !== 'l2' && source !== 'none')
    throw new TermsNotMet(
      source === 'pending'
        ? 'a write of the key is pending, so Redis does not have its value'
        : 'Redis did not answer, and the request requires its answer',
      entry && ageOf(entry, cache.now),
    );
  const broken = entry && broke(terms, entry, cache.now);
  if (broken !== undefined) throw broken;
  return loaded;
}

function broke(terms: Terms, entry: Entry, now: number): TermsNotMet | undefined {
  const age = ageOf(entry, now);
  const detail = brokenBy(terms, age, Math.max(0, entry.expiresAt - now));
  return detail === undefined ? undefined : new TermsNotMet(detail, age);
}

function ageOf({ from }: Entry, now: number): number {
  return Math.max(0, now - from);
}

/** The members of a request that set terms. */
export const TERMS = ['maxAge', 'minFresh', 'noCache', 'onlyIfCached'] as const;

/**
 * The terms in the members of a request, in seconds; undefined without any.
 * @throws ServiceError with `code` for a member with a wrong value
 */
export function termsFrom(data: Readonly<Record<string, unknown>>, code: ErrorCode): Terms | undefined {
  if (!TERMS.some((name) => data[name] !== undefined)) return undefined;
  const seconds = (name: 'maxAge' | 'minFresh') => {
    const value = data[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !(value >= 0))
      throw new ServiceError(code, `${name} must be a number of seconds from 0`, name);
    return value * 1000;
  };
  const flag = (name: 'noCache' | 'onlyIfCached') => {
    const value = data[name];
    if (value !== undefined && value !== true)
      throw new ServiceError(code, `${name} must be true or absent`, name);
    return value;
  };
  return {
    maxAgeMs: seconds('maxAge'),
    minFreshMs: seconds('minFresh'),
    noCache: flag('noCache'),
    onlyIfCached: flag('onlyIfCached'),
  };
}
