import { type Assignment, type Faulty, setMany } from '../cache/batch.ts';
import { keep } from '../cache/entry.ts';
import { originOf } from '../cache/origin.ts';
import type { ItemResult } from '../cache/results.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { ServiceError } from '../errors.ts';
import type { WarmupRecord } from './record.ts';
import { type Outcome, reasonOf, type Sink } from './sink.ts';

export interface SinkLimits {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
}

/** Writes directly into both tiers. Existing values are replaced, except by older data. */
export function cacheSink(cache: TwoLevel, { maxKeyBytes, maxValueBytes }: SinkLimits): Sink {
  const assignment = ({ key, json, ttlMs, asOf, source }: WarmupRecord): Assignment | Faulty => {
    if (Buffer.byteLength(json) <= maxValueBytes) {
      const condition = asOf === undefined ? undefined : ({ is: 'unless-newer', asOf } as const);
      return { key, value: jsonValue(json), ttlMs, origin: originOf(asOf, source), condition };
    }
    return { key, fault: new ServiceError('value_too_large', `at most ${maxValueBytes} bytes are allowed`) };
  };
  return {
    async write(batch) {
      return (await setMany(cache, batch.map(assignment), maxKeyBytes)).map(outcomeOf);
    },
  };
}

/**
 * Writes only keys that Redis does not have, so that a file never undoes later writes.
 * @param onPresent called with each key that Redis has afterwards
 */
export function absentSink(cache: TwoLevel, onPresent: (key: string) => void): Sink {
  const writeOne = async ({ key, json, ttlMs, asOf, source }: WarmupRecord): Promise<Outcome> => {
    try {
      const origin = originOf(asOf, source);
      const { status } = await cache.set(key, jsonValue(json), ttlMs, { is: 'if-absent' }, { origin });
      onPresent(key);
      return { status: status === 'refused' ? 'kept' : 'stored' };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { status: 'error', reason: reasonOf(error.code, error.message) };
    }
  };
  return { write: (batch) => Promise.all(batch.map(writeOne)) };
}

function outcomeOf(result: ItemResult): Outcome {
  if (result.status === 'error' && result.code === 'precondition_failed') return { status: 'kept' };
  if (result.status === 'error') return { status: 'error', reason: reasonOf(result.code, result.detail) };
  const { code } = result;
  return code === undefined ? { status: 'stored' } : { status: 'pending', reason: code };
}

function jsonValue(json: string) {
  return { encoding: 'json', body: keep('json', Buffer.from(json)) } as const;
}
