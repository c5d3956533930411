import { setMany } from '../cache/batch.ts';
import { keep } from '../cache/entry.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { ServiceError } from '../errors.ts';
import type { WarmupRecord } from './record.ts';
import type { Outcome, Sink } from './sink.ts';

/** Writes straight into the tiers, over what is there. */
export function cacheSink(cache: TwoLevel, maxKeyBytes: number): Sink {
  return {
    async write(batch) {
      const assignments = batch.map(({ key, json, ttl }) => ({
        key,
        value: jsonValue(json),
        ttlMs: ttl === undefined ? undefined : ttl * 1000,
      }));
      const results = await setMany(cache, assignments, maxKeyBytes);
      return results.map(
        (result): Outcome =>
          result.status === 'error' ? { status: 'error', code: result.code } : { status: 'stored' },
      );
    },
  };
}

/** Fills only what is absent from L2, and brings what is there into L1: a file must not undo later writes. */
export function absentSink(cache: TwoLevel): Sink {
  const writeOne = async ({ key, json, ttl }: WarmupRecord): Promise<Outcome> => {
    try {
      const ttlMs = ttl === undefined ? undefined : ttl * 1000;
      const { status } = await cache.set(key, jsonValue(json), ttlMs, { is: 'if-absent' });
      if (status !== 'refused') return { status: 'stored' };
      await cache.refresh(key);
      return { status: 'kept' };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return { status: 'error', code: error.code };
    }
  };
  return { write: (batch) => Promise.all(batch.map(writeOne)) };
}

function jsonValue(json: string) {
  return { encoding: 'json', body: keep('json', Buffer.from(json)) } as const;
}
