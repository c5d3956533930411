import { type Assignment, type Faulty, getMany, setMany } from '../cache/batch.ts';
import { keep } from '../cache/entry.ts';
import { originOf } from '../cache/origin.ts';
import type { ItemResult } from '../cache/results.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import type { Version } from '../cache/version.ts';
import { ServiceError } from '../errors.ts';
import { typeIndex } from '../key.ts';
import type { WarmupRecord } from './record.ts';
import { type Outcome, reasonOf, type Sink, type Stored, type Target } from './sink.ts';

const PAGE = 1000;
/** Deletions that may be open at the same time. */
const CONCURRENT_DELETIONS = 128;

export interface SinkLimits {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
}

/** A target that is Redis itself, without a service. Existing values are replaced, except by older data. */
export function cacheSink(cache: TwoLevel, { maxKeyBytes, maxValueBytes }: SinkLimits): Target {
  const assignment = ({ key, json, ttlMs, asOf, source, suspect }: WarmupRecord): Assignment | Faulty => {
    if (Buffer.byteLength(json) <= maxValueBytes) {
      const condition = asOf === undefined ? undefined : ({ is: 'unless-newer', asOf } as const);
      return { key, value: jsonValue(json), ttlMs, origin: originOf(asOf, source, suspect), condition };
    }
    return { key, fault: new ServiceError('value_too_large', `at most ${maxValueBytes} bytes are allowed`) };
  };
  return {
    async write(batch) {
      return (await setMany(cache, batch.map(assignment), maxKeyBytes)).map(outcomeOf);
    },
    async read(keys) {
      return (await getMany(cache, keys, maxKeyBytes)).map(storedOf);
    },
    async *list() {
      let cursor: string | undefined;
      do {
        const page = await cache.store!.list({ type: typeIndex('borrow_rate')! }, cursor, PAGE);
        yield page.keys.map(({ key }) => key);
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
    async remove(values) {
      let removed = 0;
      const removeOne = async ({ key, version }: Stored): Promise<void> => {
        const { status } = await cache.delete(key, { is: 'if-version', versions: [version as Version] });
        if (status === 'deleted') removed++;
      };
      for (let at = 0; at < values.length; at += CONCURRENT_DELETIONS)
        await Promise.all(values.slice(at, at + CONCURRENT_DELETIONS).map(removeOne));
      return removed;
    },
  };
}

/**
 * Writes only keys that Redis does not have, so that a file never undoes later writes.
 * @param onPresent called with each key that Redis has afterwards
 */
export function absentSink(cache: TwoLevel, onPresent: (key: string) => void): Sink {
  const writeOne = async ({ key, json, ttlMs, asOf, source, suspect }: WarmupRecord): Promise<Outcome> => {
    try {
      const origin = originOf(asOf, source, suspect);
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

function storedOf(result: ItemResult): Stored | 'absent' | 'unknown' {
  if (result.status === 'hit' && result.code === undefined) {
    const { key, entry } = result;
    return { key, version: entry.version, value: JSON.parse(entry.json.toString()) };
  }
  return result.status === 'miss' && result.code === undefined ? 'absent' : 'unknown';
}

function jsonValue(json: string) {
  return { encoding: 'json', body: keep('json', Buffer.from(json)) } as const;
}
