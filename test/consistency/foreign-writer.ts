/** A program that writes directly into Redis, in the encoding of the service and without the service. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pick } from '../../loadtest/support/random.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { foreignVersion, isLegacy, pack, unpack } from '../../src/redis/envelope.ts';
import { WRITE_SCRIPT } from '../../src/redis/scripts.ts';
import type { ActorDeps } from './http-actors.ts';
import { KEYS } from './keys.ts';

export const PREFIX = 'borrow_rate_engine:';
const TTL_MS = 600_000;
const LIMITS = { compressionThresholdBytes: 0, maxValueBytes: 10_000 };

/** A separate connection of the test, which reconnects after a restart of Redis. */
export async function connectTo({ port }: RedisServer): Promise<Redis> {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    connectionName: 'foreign-writer',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => 20,
  });
  redis.on('error', () => {});
  await once(redis, 'ready');
  return redis;
}

/** The number and version of each of these keys that exists in Redis. */
export async function truthOf(
  redis: Pick<Redis, 'mgetBuffer'>,
  keys: readonly string[],
): Promise<Map<string, { n: number; version: string }>> {
  const values = await redis.mgetBuffer(keys.map((key) => PREFIX + key));
  const truth = new Map<string, { n: number; version: string }>();
  keys.forEach((key, i) => {
    const value = values[i];
    if (!value) return;
    const legacy = isLegacy(value);
    if (legacy) truth.set(key, { n: JSON.parse(value.toString()).value.n, version: foreignVersion(value) });
    const entry = legacy ? undefined : unpack(key, value, LIMITS);
    if (entry) truth.set(key, { n: JSON.parse(entry.json.toString()).n, version: entry.version });
  });
  return truth;
}

/** Writes and deletes keys in Redis, one at a time. */
export class ForeignWriter {
  readonly #redis: Pick<Redis, 'set' | 'del' | 'callBuffer'>;
  readonly #deps: ActorDeps;
  readonly #versions = new VersionClock('f0f0f0f0');

  constructor(redis: Pick<Redis, 'set' | 'del' | 'callBuffer'>, deps: ActorDeps) {
    this.#redis = redis;
    this.#deps = deps;
  }

  async run(restMs: number): Promise<void> {
    const { random, stopped } = this.#deps;
    while (!stopped()) {
      const chance = random();
      if (chance < 0.35) await this.set(pick(KEYS.foreign, random));
      else if (chance < 0.6) await this.#setGreater(pick(KEYS.cold, random));
      else if (chance < 0.75) await this.#setGreater(pick(KEYS.shared, random));
      else if (chance < 0.85) await this.#setLegacy(pick(KEYS.mixed, random));
      else await this.#remove(pick(KEYS.deletable, random));
      await sleep(random() * 2 * restMs);
    }
  }

  /** A plain SET, only for keys without other writers. With other writers, its version might not be the greatest. */
  async set(key: string): Promise<void> {
    const [op, envelope, version] = this.#next(key);
    await this.#done(async () => {
      await this.#redis.set(PREFIX + key, envelope, 'PX', TTL_MS);
      Object.assign(op, { end: performance.now(), version });
    });
  }

  /** For keys with other writers: the script in Redis makes the version greater than the stored version. */
  async #setGreater(key: string): Promise<void> {
    const [op, envelope] = this.#next(key);
    await this.#done(async () => {
      const args = ['', '', '', 'set', '', Date.now() + TTL_MS, envelope, ''];
      const answer = this.#redis.callBuffer('EVAL', [WRITE_SCRIPT, 1, PREFIX + key, ...args]);
      const [[, version]] = (await answer) as [[Buffer, Buffer]];
      Object.assign(op, { end: performance.now(), version: version.toString('hex') });
    });
  }

  /** Writes in the format of the predecessor of the service, without an envelope. */
  async #setLegacy(key: string): Promise<void> {
    const op = this.#deps.history.begin(key, 'write', performance.now());
    const text = JSON.stringify({ value: { n: op.n }, timestamp: Date.now() / 1000 });
    await this.#done(async () => {
      await this.#redis.set(PREFIX + key, text, 'PX', TTL_MS);
      Object.assign(op, { end: performance.now(), version: foreignVersion(Buffer.from(text)) });
    });
  }

  async #remove(key: string): Promise<void> {
    const op = this.#deps.history.begin(key, 'delete', performance.now());
    await this.#done(async () => {
      await this.#redis.del(PREFIX + key);
      op.end = performance.now();
    });
  }

  #next(key: string) {
    const op = this.#deps.history.begin(key, 'write', performance.now());
    const version = this.#versions.next();
    const value = { encoding: 'json', body: JSON.stringify({ n: op.n }) } as const;
    const now = Date.now();
    return [op, pack(value, version, now, now + TTL_MS, LIMITS), version] as const;
  }

  /** After a connection error, the outcome stays unknown. */
  async #done(change: () => Promise<void>): Promise<void> {
    await change().catch(() => sleep(5));
  }
}
