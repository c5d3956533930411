/** One key as Redis has it, for explanations. It contains no value. */
import type { Redis } from 'ioredis';
import type { Entry } from '../cache/entry.ts';
import { factsOf, type ValueFacts } from '../cache/key-view.ts';
import { StoreError } from '../cache/store.ts';
import { type TtlTable, typeOf } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import { type EnvelopeLimits, isCompressed, isLegacy, unpack, unpackLegacy } from './envelope.ts';
import { sendCommand } from './send-command.ts';
import { pipelineReplies } from './unexpected-replies.ts';

export interface StoredView extends Partial<ValueFacts> {
  /**
   * `expired`: Redis has the value, but its deadline has passed. `unreadable`: the bytes are not a value, so reads miss.
   * `other_type`: the key is not a string. `unknown`: Redis did not answer. `not_used`: the service is standalone.
   */
  readonly state: 'value' | 'expired' | 'absent' | 'unreadable' | 'other_type' | 'unknown' | 'not_used';
  /** The master of a Cluster. */
  readonly server?: string;
  /** `predecessor`: the JSON text of the predecessor service. */
  readonly format?: 'envelope' | 'predecessor';
  readonly compressed?: boolean;
  /** The size in Redis. */
  readonly stored_bytes?: number;
  /** The remaining TTL in Redis in ms; null where the key has none. */
  readonly ttl_ms?: number | null;
  /** The data type of a key that is not a string; absent if an ACL forbids TYPE. */
  readonly type?: string;
  /** Why Redis did not answer. */
  readonly fault?: string;
}

export interface StoredViewDeps {
  readonly redis: Redis;
  readonly counters: Counters;
  readonly keyPrefix: string;
  readonly limits: EnvelopeLimits;
  readonly ttls: TtlTable;
  /** In milliseconds since 1970. */
  readonly now: () => number;
}

const TIMEOUT_MS = 300;
/** The space for an envelope in addition to its value. */
const SPARE_BYTES = 1024;

export async function storedView(deps: StoredViewDeps, key: string): Promise<StoredView> {
  const { redis, counters, keyPrefix, limits } = deps;
  const name = keyPrefix + key;
  // A value that is longer is not a value of this service, and could be very large.
  const most = limits.maxValueBytes + SPARE_BYTES;
  try {
    const replies = await sendCommand(redis, counters, TIMEOUT_MS, async () => {
      const results = await redis.pipeline().getrangeBuffer(name, 0, most).pttl(name).exec();
      return isOtherType(results) ? undefined : pipelineReplies<[Buffer, number]>(results, 2);
    });
    if (replies === undefined) {
      // An older ACL may not allow TYPE.
      const type = await sendCommand(redis, counters, TIMEOUT_MS, () => redis.type(name)).catch(
        () => undefined,
      );
      return { state: 'other_type', ...(type !== undefined && { type }) };
    }
    const [packed, ttl] = replies;
    if (packed.length === 0 && ttl === -2) return { state: 'absent' };
    const ttlMs = ttl < 0 ? null : ttl;
    return { ...describe(deps, key, packed, ttlMs), stored_bytes: packed.length, ttl_ms: ttlMs };
  } catch (error) {
    if (error instanceof StoreError) return { state: 'unknown', fault: error.message };
    throw error;
  }
}

function isOtherType(results: readonly [error: Error | null, reply: unknown][] | null): boolean {
  return results?.[0]?.[0]?.message.startsWith('WRONGTYPE') ?? false;
}

function describe(deps: StoredViewDeps, key: string, packed: Buffer, ttlMs: number | null): StoredView {
  const { limits, ttls, now } = deps;
  const legacy = isLegacy(packed);
  const entry: Entry | undefined = legacy
    ? unpackLegacy(key, packed, ttlMs ?? undefined, ttls[typeOf(key)]!, now())
    : unpack(key, packed, limits);
  if (entry === undefined) return { state: 'unreadable' };
  return {
    state: entry.expiresAt > now() ? 'value' : 'expired',
    format: legacy ? 'predecessor' : 'envelope',
    compressed: !legacy && isCompressed(packed),
    ...factsOf(entry),
  };
}
