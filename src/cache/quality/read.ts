/** Reads with quality: what readers receive instead of values that are not good. */
import { type ErrorCode, ServiceError } from '../../errors.ts';
import type { Entry } from '../entry.ts';
import type { ItemResult, Remarks } from '../results.ts';
import type { FallbackCause, Quality, Verdict } from './quality.ts';

/** What a reader wants where a value is not good. */
export interface Wishes {
  /** Whether values of halted keys are served. */
  readonly servesHalted: boolean;
  /** Whether the minimum rate may take the place of a borrow rate. */
  readonly fallback: boolean;
}

export const NO_WISHES: Wishes = { servesHalted: false, fallback: false };

/** The members of a request that contain wishes. */
export const WISHES = ['halted', 'fallback'] as const;

/** The key is halted. */
export class Halted extends ServiceError {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super('halted', verdict.reason);
    this.name = 'Halted';
    this.verdict = verdict;
  }
}

/** The key of the minimum rate of a ticker, from the key of its borrow rate; undefined for other keys. */
export function fallbackFor(key: string): string | undefined {
  return key.startsWith('borrow_rate:') ? `min_rate:${key.slice('borrow_rate:'.length)}` : undefined;
}

/**
 * The wishes in the members or parameters of a request.
 * @throws ServiceError with `code` for any other value
 */
export function wishesFrom({ halted, fallback }: Readonly<Record<string, unknown>>, code: ErrorCode): Wishes {
  if (halted === undefined && fallback === undefined) return NO_WISHES;
  if (halted !== undefined && halted !== 'serve')
    throw new ServiceError(code, 'expected serve, or no such member', 'halted');
  if (fallback !== undefined && fallback !== 'min_rate')
    throw new ServiceError(code, 'expected min_rate as the fallback', 'fallback');
  return { servesHalted: halted !== undefined, fallback: fallback !== undefined };
}

/** Reads keys, and returns one result each, in order. */
type Read = (keys: readonly string[]) => ItemResult[] | Promise<ItemResult[]>;

/**
 * Reads keys, and adds the quality of their values. Halted keys become errors, unless the reader wants their values.
 * @param read reads without regard to quality
 * @param requireKey throws a ServiceError for a key that the reader must not read
 */
export function readWithQuality(
  quality: Quality,
  keys: readonly string[],
  read: Read,
  wishes: Wishes,
  requireKey: (key: string) => void,
): ItemResult[] | Promise<ItemResult[]> {
  const results = read(keys);
  const judge = (all: ItemResult[]) => {
    if (wishes.fallback) return substituted(quality, all, read, wishes, requireKey);
    // The usual case costs one test for each value.
    if (!quality.active && !all.some((result) => result.status === 'hit' && result.entry.isSuspect))
      return all;
    return all.map((result) => judged(quality, result, wishes));
  };
  return Array.isArray(results) ? judge(results) : results.then(judge);
}

/** What answers say about the quality of a value; undefined for a good one. */
export function remarksOn(quality: Quality, entry: Entry): Remarks | undefined {
  if (!quality.active && !entry.isSuspect) return undefined;
  const verdict = quality.of(entry);
  return verdict && { quality: verdict.quality, qualityReason: verdict.reason };
}

function judged(quality: Quality, result: ItemResult, { servesHalted }: Wishes): ItemResult {
  const verdict = verdictOn(quality, result);
  if (verdict === undefined) return result;
  const remarks = { quality: verdict.quality, qualityReason: verdict.reason };
  if (verdict.quality === 'halted' && !servesHalted) {
    const { key } = result;
    return { key, status: 'error', code: 'halted', detail: verdict.reason, ...remarks };
  }
  return result.status === 'hit' ? { ...result, remarks } : { ...result, ...remarks };
}

function verdictOn(quality: Quality, result: ItemResult): Verdict | undefined {
  if (result.status === 'hit') return quality.of(result.entry);
  const isInvalid = result.status === 'error' && result.code === 'key_invalid';
  return isInvalid ? undefined : quality.haltOf(result.key);
}

async function substituted(
  quality: Quality,
  results: readonly ItemResult[],
  read: Read,
  wishes: Wishes,
  requireKey: (key: string) => void,
): Promise<ItemResult[]> {
  const final = results.map((result) => judged(quality, result, wishes));
  const wanted = new Map<number, string>();
  for (const [i, result] of final.entries()) {
    const fallback = fallbackFor(result.key);
    if (fallback === undefined || !quality.fallbackOn.has(causeOf(result)!)) continue;
    try {
      requireKey(fallback);
      wanted.set(i, fallback);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      final[i] = { key: result.key, status: 'error', code: error.code, detail: error.message };
    }
  }
  if (wanted.size === 0) return final;
  const found = await read([...wanted.values()]);
  for (const [at, i] of [...wanted.keys()].entries()) {
    const minimum = judged(quality, found[at]!, NO_WISHES);
    if (minimum.status !== 'hit') continue;
    final[i] = {
      ...minimum,
      key: final[i]!.key,
      remarks: { ...minimum.remarks, fallback: wanted.get(i)! },
    };
  }
  return final;
}

/** Why the result is not a good value; undefined where it is, or where it is another error. */
function causeOf(result: ItemResult): FallbackCause | undefined {
  if (result.status === 'miss') return 'miss';
  if (result.status === 'hit') return result.remarks?.quality;
  return result.status === 'error' && result.code === 'halted' ? 'halted' : undefined;
}
