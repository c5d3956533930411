/** Operations on many keys. The commands of a batch do not wait for one another, so a batch costs about one round trip. */
import { type ErrorCode, ServiceError } from '../errors.ts';
import { keyFault } from '../key.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import { type Condition, whyRefused } from './condition.ts';
import type { Value } from './entry.ts';
import { keyWarning } from './key-warning.ts';
import type { Loaded } from './loaded.ts';
import type { Origin } from './origin.ts';
import { l1OnTerms, loadOnTerms, TermsNotMet } from './read-on-terms.ts';
import type { ItemResult } from './results.ts';
import type { RemovalOutcome, WriteOutcome } from './store.ts';
import type { Terms } from './terms.ts';
import type { Reads } from './traced-reads.ts';
import { turns } from './turns.ts';
import type { TwoLevel } from './two-level.ts';

/** Changes that are started in one turn of the event loop: two milliseconds. */
const SLICE = 128;

/** An item that failed validation before it reached the cache. */
export interface Faulty {
  readonly key: string;
  readonly fault: ServiceError;
}

export interface Assignment {
  readonly key: string;
  readonly value: Value;
  readonly ttlMs: number | undefined;
  readonly idempotencyKey?: string;
  readonly origin?: Origin | undefined;
  readonly condition?: Condition | undefined;
}

/** Reads the keys and returns one result each, in order. Returns no promise where all keys are L1 hits. */
export function getMany(
  cache: Reads,
  keys: readonly string[],
  maxKeyBytes: number,
): ItemResult[] | Promise<ItemResult[]> {
  const results: (ItemResult | Promise<ItemResult>)[] = [];
  let waiting = false;
  for (const key of keys) {
    const entry = cache.peek(key);
    if (entry !== undefined) {
      results.push({ key, status: 'hit', entry });
      continue;
    }
    const fault = keyFault(key, maxKeyBytes);
    if (fault !== undefined) {
      results.push(keyError(key, fault));
      continue;
    }
    waiting = true;
    results.push(cache.load(key).then((loaded) => loadedResult(key, loaded), failed(key)));
  }
  return waiting ? Promise.all(results) : (results as ItemResult[]);
}

/**
 * As `getMany`, on terms.
 * @param reads how the keys are read
 */
export function getManyOnTerms(
  cache: TwoLevel,
  reads: Reads,
  keys: readonly string[],
  maxKeyBytes: number,
  terms: Terms,
): Promise<ItemResult[]> {
  const load = (key: string) => reads.load(key);
  const readOne = async (key: string) => {
    const l1 = l1OnTerms(cache, terms, reads.peek(key));
    if (l1 !== undefined) return loadedResult(key, l1);
    const fault = keyFault(key, maxKeyBytes);
    return fault === undefined
      ? loadedResult(key, await loadOnTerms(cache, key, terms, load))
      : keyError(key, fault);
  };
  return Promise.all(keys.map((key) => readOne(key).catch(failed(key))));
}

/** Who makes the changes of a batch, and its span if it is traced. */
export interface BatchDetails {
  readonly client?: string | undefined;
  readonly span?: TraceSpan | undefined;
}

/** Writes the values and returns one result each, in order. */
export function setMany(
  cache: TwoLevel,
  assignments: readonly (Assignment | Faulty)[],
  maxKeyBytes: number,
  batch: BatchDetails = {},
): Promise<ItemResult[]> {
  return inSlices(assignments, (assignment) => {
    const { key } = assignment;
    const fault = keyFault(key, maxKeyBytes);
    if (fault !== undefined) return keyError(key, fault);
    if ('fault' in assignment) return failed(key)(assignment.fault);
    const { value, ttlMs, condition, origin, idempotencyKey } = assignment;
    const details = { ...batch, idempotencyKey, origin };
    return cache.set(key, value, ttlMs, condition, details).then(({ status, version }): ItemResult => {
      if (status === 'refused') {
        const detail = whyRefused(condition, version);
        return { key, status: 'error', code: 'precondition_failed', detail };
      }
      const warning = keyWarning(key);
      const warned = warning === undefined ? {} : { warning };
      return { key, status: 'stored', version: version!, ...pendingCode(status), ...warned };
    }, failed(key));
  });
}

/** Deletes the keys and returns one result each, in order. */
export function deleteMany(
  cache: TwoLevel,
  keys: readonly string[],
  maxKeyBytes: number,
  batch: BatchDetails = {},
): Promise<ItemResult[]> {
  return inSlices(keys, (key) => {
    const fault = keyFault(key, maxKeyBytes);
    if (fault !== undefined) return keyError(key, fault);
    return cache
      .delete(key, undefined, batch)
      .then(({ status }) => ({ key, status: 'deleted', ...pendingCode(status) }) as const, failed(key));
  });
}

/**
 * Starts the changes of a batch, a slice in each turn of the event loop, and returns their results in order. The commands
 * of a slice share a round trip, and the slices do not wait for one another.
 */
async function inSlices<Item>(
  items: readonly Item[],
  change: (item: Item) => ItemResult | Promise<ItemResult>,
): Promise<ItemResult[]> {
  const results: (ItemResult | Promise<ItemResult>)[] = [];
  for (const [i, item] of items.entries()) {
    if (i > 0 && i % SLICE === 0) await turns.next();
    const result = change(item);
    // A fault is thrown by `Promise.all` below. Until then it must not count as unhandled.
    if (result instanceof Promise) result.catch(() => {});
    results.push(result);
  }
  return Promise.all(results);
}

/** Returns the code that marks a pending change. */
function pendingCode(status: WriteOutcome['status'] | RemovalOutcome['status']): {
  readonly code?: ErrorCode;
} {
  if (status === 'accepted') return { code: 'l2_unavailable' };
  return status === 'unknown' ? { code: 'write_unknown' } : {};
}

function loadedResult(key: string, { entry, source, fault }: Loaded): ItemResult {
  // Redis does not have a pending change yet; only this process does.
  const code = source === 'pending' ? 'l2_unavailable' : fault?.code;
  if (entry !== undefined) return { key, status: 'hit', entry, code };
  return code === undefined ? { key, status: 'miss' } : { key, status: 'miss', code };
}

function keyError(key: string, fault: string): ItemResult {
  return { key, status: 'error', code: 'key_invalid', detail: `the key ${fault}` };
}

function failed(key: string): (error: unknown) => ItemResult {
  return (error) => {
    if (!(error instanceof ServiceError)) throw error;
    const { code, message: detail } = error;
    return error instanceof TermsNotMet && error.age !== undefined
      ? { key, status: 'error', code, detail, age: error.age }
      : { key, status: 'error', code, detail };
  };
}
