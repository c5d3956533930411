/**
 * Sources and marks in Redis: one hash each, with a field for each record. The hashes are outside of KEY_PREFIX, so a
 * flush of the cache does not delete them, and no list of keys shows them. FLUSHALL deletes them.
 *
 * The link tracks the hashes by their prefix. So every replica loads them again after every change, also after a change
 * by `redis-cli`.
 */
import type { Redis } from 'ioredis';
import { tooMany } from '../cache/quality/memory-store.ts';
import { type Kind, MOST_NAMES, type QualityStore, type StoredRecord } from '../cache/quality/records.ts';
import { StoreError } from '../cache/store.ts';
import type { Counters } from '../metrics/counters.ts';
import { lua } from './lua.ts';
import { isRedirect } from './refusal.ts';
import { ADMIN_TIMEOUT_MS, type Guard, sendCommand } from './send-command.ts';

/** The prefix of the hashes of all deployments. */
export const QUALITY_PREFIX = '__ratecache__:quality:';

const SCRIPT = lua('quality');
/** The length of what precedes the text of a record in Redis. */
const HEAD_LENGTH = 20;

export function qualityKey(kind: Kind, keyPrefix: string): string {
  return `${QUALITY_PREFIX}${kind}:${keyPrefix}`;
}

/** What the hash with this key contains; undefined if the key is not a hash of this deployment. */
export function qualityKindOf(key: string, keyPrefix: string): Kind | undefined {
  if (!key.startsWith(QUALITY_PREFIX)) return undefined;
  return (['sources', 'marks'] as const).find((kind) => key === qualityKey(kind, keyPrefix));
}

/** The server that has a hash. */
export interface QualityServer {
  readonly data: Redis;
  readonly admin: Redis;
  readonly breaker: Guard;
}

export interface RedisMarksDeps {
  /** Returns the server that has this key; undefined while it is unknown. */
  readonly serverOf: (rawKey: string) => QualityServer | undefined;
  readonly counters: Counters;
  /** The hash has moved to another master. */
  readonly onMoved?: () => void;
}

export interface RedisMarksOptions {
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
}

export class RedisMarks implements QualityStore {
  readonly #options: RedisMarksOptions;
  readonly #deps: RedisMarksDeps;

  constructor(options: RedisMarksOptions, deps: RedisMarksDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async load(kind: Kind, urgent = false): Promise<readonly string[]> {
    const { commandTimeoutMs } = this.#options;
    const [connection, timeoutMs] = urgent
      ? (['data', commandTimeoutMs] as const)
      : (['admin', ADMIN_TIMEOUT_MS] as const);
    const records = await this.#send(kind, connection, timeoutMs, (redis, key) => redis.hgetall(key));
    return Object.values(records).map((record) => record.slice(HEAD_LENGTH));
  }

  async put(kind: Kind, { id, text, names, until }: StoredRecord, now: number): Promise<void> {
    const head = `${digits(until, 13)}:${digits(names, 5)}:`;
    const args = [Math.floor(now), MOST_NAMES, id, head + text];
    const stored = await this.#send(kind, 'data', this.#options.commandTimeoutMs, (redis, key) =>
      // Not EVALSHA, which some servers forbid: this script is short and runs rarely.
      redis.call('EVAL', [SCRIPT, 1, key, ...args]),
    );
    if (stored !== 1) throw tooMany(kind);
  }

  async remove(kind: Kind, ids: readonly string[]): Promise<void> {
    const { commandTimeoutMs } = this.#options;
    await this.#send(kind, 'data', commandTimeoutMs, (redis, key) => redis.hdel(key, ...ids));
  }

  async #send<T>(
    kind: Kind,
    connection: 'data' | 'admin',
    timeoutMs: number,
    command: (redis: Redis, key: string) => Promise<T>,
  ): Promise<T> {
    const { serverOf, counters, onMoved } = this.#deps;
    const key = qualityKey(kind, this.#options.keyPrefix);
    const server = serverOf(key);
    if (server === undefined) throw new StoreError('unavailable', 'the owner of the marks is not known yet');
    try {
      return await sendCommand(
        server[connection],
        counters,
        timeoutMs,
        (redis) => command(redis, key),
        server.breaker,
      );
    } catch (error) {
      if (isRedirect(error)) onMoved?.();
      throw error;
    }
  }
}

function digits(number: number, length: number): string {
  return String(Math.floor(number)).padStart(length, '0');
}
