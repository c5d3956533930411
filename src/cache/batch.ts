/** Many keys at once. All that a batch needs of L2 leaves in one turn, so it costs one round trip. */
import { type ErrorCode, ServiceError } from '../errors.ts';
import { keyFault } from '../key.ts';
import type { Value } from './entry.ts';
import { keyWarning } from './key-warning.ts';
import type { Loaded } from './loaded.ts';
import type { ItemResult } from './results.ts';
import type { RemovalOutcome, WriteOutcome } from './store.ts';
import type { TwoLevel } from './two-level.ts';

/** An item whose fault was found before it was tried. */
export interface Faulty {
  readonly key: string;
  readonly fault: ServiceError;
}

export interface Assignment {
  readonly key: string;
  readonly value: Value;
  readonly ttlMs: number | undefined;
}

/** Reads the keys, in order; at once where L1 has them all, without a promise. */
export function getMany(
  cache: Pick<TwoLevel, 'peek' | 'load'>,
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

/** Writes the values, in order; each has its own outcome. */
export function setMany(
  cache: TwoLevel,
  assignments: readonly (Assignment | Faulty)[],
  maxKeyBytes: number,
): Promise<ItemResult[]> {
  return Promise.all(
    assignments.map((assignment) => {
      const { key } = assignment;
      const fault = keyFault(key, maxKeyBytes);
      if (fault !== undefined) return keyError(key, fault);
      if ('fault' in assignment) return failed(key)(assignment.fault);
      return cache.set(key, assignment.value, assignment.ttlMs).then(({ status, version }): ItemResult => {
        const warning = keyWarning(key);
        const warned = warning === undefined ? {} : { warning };
        return { key, status: 'stored', version: version!, ...later(status), ...warned };
      }, failed(key));
    }),
  );
}

/** Deletes the keys, in order. */
export function deleteMany(
  cache: TwoLevel,
  keys: readonly string[],
  maxKeyBytes: number,
): Promise<ItemResult[]> {
  return Promise.all(
    keys.map((key) => {
      const fault = keyFault(key, maxKeyBytes);
      if (fault !== undefined) return keyError(key, fault);
      return cache
        .delete(key)
        .then(({ status }) => ({ key, status: 'deleted', ...later(status) }) as const, failed(key));
    }),
  );
}

/** A change that L2 has still to be told of says so. */
function later(status: WriteOutcome['status'] | RemovalOutcome['status']): { readonly code?: ErrorCode } {
  if (status === 'accepted') return { code: 'l2_unavailable' };
  return status === 'unknown' ? { code: 'write_unknown' } : {};
}

function loadedResult(key: string, { entry, source, fault }: Loaded): ItemResult {
  // A pending change is this process's alone: Redis does not have it yet.
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
    return { key, status: 'error', code: error.code, detail: error.message };
  };
}
