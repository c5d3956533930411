import type { Redis } from 'ioredis';
import type { Condition } from '../cache/condition.ts';
import type { Entry } from '../cache/entry.ts';
import { type TtlTable, typeOf } from '../cache/key.ts';
import type { Match } from '../cache/match.ts';
import {
  type Listing,
  type Removal,
  type RemovalOutcome,
  type Store,
  StoreError,
  type Write,
  type WriteOutcome,
} from '../cache/store.ts';
import type { Version } from '../cache/version.ts';
import type { Counters } from '../metrics/counters.ts';
import { announceDeletes, announceMatch, announceSets } from './announcement.ts';
import { ADMIN_TIMEOUT_MS, ask } from './ask.ts';
import type { Breaker } from './breaker.ts';
import { type EnvelopeLimits, isLegacy, pack, unpack, unpackLegacy } from './envelope.ts';
import { answers, isBytes } from './garbage.ts';
import { type ScanParts, scan, scanSlice } from './scan.ts';
import { VERSIONS_SCRIPT, WRITE_SCRIPT } from './scripts.ts';
import { TurnBatch } from './turn-batch.ts';

export interface RedisStoreOptions extends EnvelopeLimits {
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
  readonly ttls: TtlTable;
  /** Where writes are announced; undefined for no announcements. */
  readonly channel: string | undefined;
  /** Who announces them. */
  readonly origin: string;
}

export interface RedisStoreParts {
  /** For reads and writes. */
  readonly data: Redis;
  /** For scans, so that no read waits behind one. */
  readonly admin: Redis;
  readonly counters: Counters;
  /** Guards the data connection. */
  readonly breaker?: Breaker;
  /** Told of each value in Redis that cannot be understood. */
  readonly onUnreadable: (key: string) => void;
}

// One MGET or script call holds Redis up for everyone: these keep it well under a millisecond.
const READ_SLICE = 512;
const WRITE_SLICE = 128;

interface Waiting<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
  /** Of a change that Redis found late: until when it may be made, by its clock. */
  readonly until?: string;
}

const LATE = Buffer.from('late');

type Change = Write | Removal;
type ChangeOutcome = WriteOutcome | RemovalOutcome;

interface ScriptedRedis extends Redis {
  ratecacheWriteBuffer(keys: number, ...args: (string | number | Buffer)[]): Promise<[Buffer, Buffer][]>;
  ratecacheVersionsBuffer(keys: number, ...args: string[]): Promise<Buffer[]>;
}

/** L2 in Redis: see `Store` for what it promises. */
export class RedisStore implements Store {
  readonly #options: RedisStoreOptions;
  readonly #data: ScriptedRedis;
  readonly #admin: Redis;
  readonly #scanned: ScanParts;
  readonly #counters: Counters;
  readonly #breaker: Breaker | undefined;
  readonly #onUnreadable: (key: string) => void;
  readonly #reads: TurnBatch<Waiting<string, Entry | undefined>>;
  readonly #changes: TurnBatch<Waiting<Change, ChangeOutcome>>;
  readonly #versions: TurnBatch<Waiting<string, Version | undefined>>;

  constructor(options: RedisStoreOptions, parts: RedisStoreParts) {
    this.#options = options;
    this.#data = parts.data as ScriptedRedis;
    this.#admin = parts.admin;
    this.#scanned = { redis: parts.admin, counters: parts.counters, keyPrefix: options.keyPrefix };
    this.#counters = parts.counters;
    this.#breaker = parts.breaker;
    this.#onUnreadable = parts.onUnreadable;
    this.#data.defineCommand('ratecacheWrite', { lua: WRITE_SCRIPT });
    this.#data.defineCommand('ratecacheVersions', { lua: VERSIONS_SCRIPT, readOnly: true });
    this.#reads = new TurnBatch(READ_SLICE, (items) => void this.#sendReads(items));
    this.#changes = new TurnBatch(WRITE_SLICE, (items) => void this.#sendChanges(items));
    this.#versions = new TurnBatch(READ_SLICE, (items) => void this.#sendVersions(items));
  }

  read(key: string): Promise<Entry | undefined> {
    return new Promise((resolve, reject) => this.#reads.add({ input: key, resolve, reject }));
  }

  version(key: string): Promise<Version | undefined> {
    return new Promise((resolve, reject) => this.#versions.add({ input: key, resolve, reject }));
  }

  write(write: Write): Promise<WriteOutcome> {
    return this.#change(write) as Promise<WriteOutcome>;
  }

  remove(removal: Removal): Promise<RemovalOutcome> {
    return this.#change(removal) as Promise<RemovalOutcome>;
  }

  async removeMatching(match: Match): Promise<number> {
    let removed = 0;
    let slice: string[] = [];
    const unlink = async () => {
      const keys = slice;
      slice = [];
      if (keys.length > 0)
        removed += await this.#ask(this.#admin, (redis) => redis.unlink(keys), ADMIN_TIMEOUT_MS);
    };
    for await (const keys of scan(this.#scanned, match)) {
      slice.push(...keys);
      if (slice.length >= READ_SLICE) await unlink();
    }
    await unlink();
    const { channel, origin } = this.#options;
    if (channel !== undefined) {
      const message = announceMatch(origin, 'delete', match);
      await this.#ask(this.#data, (redis) => redis.publish(channel, message));
    }
    return removed;
  }

  async list(match: Match, cursor: string | undefined, limit: number): Promise<Listing> {
    const [next, keys] = await scanSlice(this.#scanned, match, cursor ?? '0', limit);
    const pipeline = this.#admin.pipeline();
    for (const key of keys) pipeline.pttl(key);
    const ttls = await this.#ask(
      this.#admin,
      async () => answers((await pipeline.exec()) ?? [], keys.length, Array.isArray),
      ADMIN_TIMEOUT_MS,
    );
    const names = keys.map((key) => this.#bare(key));
    return {
      keys: names.flatMap((key, i) => {
        const ttl = ttls[i]![1] as number;
        // -2: it went away between the two commands. -1: it has no deadline.
        if (ttl === -2) return [];
        return [ttl < 0 ? { key } : { key, ttlMs: ttl }];
      }),
      cursor: next === '0' ? undefined : next,
    };
  }

  #bare(prefixed: string): string {
    return prefixed.slice(this.#options.keyPrefix.length);
  }

  #change(input: Change): Promise<ChangeOutcome> {
    return new Promise((resolve, reject) => this.#changes.add({ input, resolve, reject }));
  }

  async #sendReads(reads: Waiting<string, Entry | undefined>[]): Promise<void> {
    const { keyPrefix } = this.#options;
    try {
      const values = await this.#ask(this.#data, async (redis) =>
        answers(await redis.mgetBuffer(reads.map((read) => keyPrefix + read.input)), reads.length, isValue),
      );
      for (let i = 0; i < reads.length; i++) this.#answerRead(reads[i]!, values[i] ?? null);
    } catch (error) {
      for (const read of reads) read.reject(error);
    }
  }

  async #sendVersions(questions: Waiting<string, Version | undefined>[]): Promise<void> {
    const keys = questions.map(({ input }) => this.#options.keyPrefix + input);
    try {
      const versions = await this.#ask(this.#data, async (redis) =>
        answers(
          await (redis as ScriptedRedis).ratecacheVersionsBuffer(keys.length, ...keys),
          keys.length,
          isBytes,
        ),
      );
      for (let i = 0; i < keys.length; i++) questions[i]!.resolve(versionFrom(versions[i]!));
    } catch (error) {
      for (const question of questions) question.reject(error);
    }
  }

  #answerRead(
    { input: key, resolve, reject }: Waiting<string, Entry | undefined>,
    packed: Buffer | null,
  ): void {
    if (packed === null) return resolve(undefined);
    if (isLegacy(packed)) {
      this.#readLegacy(key, packed).then(resolve, reject);
      return;
    }
    resolve(unpack(key, packed, this.#options) ?? this.#unreadable(key));
  }

  /** The predecessor's values do not carry their deadline, so Redis has to be asked for it. */
  async #readLegacy(key: string, packed: Buffer): Promise<Entry | undefined> {
    // The time of before the question, or the entry would outlive the key by the time of the answer.
    const asked = Date.now();
    const ttl = await this.#ask(this.#data, (redis) => redis.pttl(this.#options.keyPrefix + key));
    if (ttl === -2) return undefined;
    const left = ttl < 0 ? undefined : ttl;
    const typeTtl = this.#options.ttls[typeOf(key)]!;
    return unpackLegacy(key, packed, left, typeTtl, asked) ?? this.#unreadable(key);
  }

  #unreadable(key: string): undefined {
    this.#counters.unreadableValues++;
    this.#onUnreadable(key);
    return undefined;
  }

  async #sendChanges(changes: Waiting<Change, ChangeOutcome>[]): Promise<void> {
    const { channel, keyPrefix } = this.#options;
    const keys: string[] = [];
    const args: (string | number | Buffer)[] = [channel ?? '', ...this.#announcements(changes)];
    try {
      for (const { input, until = '' } of changes) {
        keys.push(keyPrefix + input.key);
        if ('value' in input) {
          const expiresAt = input.expiresAt ?? input.storedAt + input.ttlMs;
          const envelope = pack(input.value, input.version, input.storedAt, expiresAt, this.#options);
          args.push('set', conditionArgument(input.condition), input.ttlMs, envelope, until);
        } else {
          const stamp = Buffer.from(input.version ?? '', 'hex');
          args.push('delete', conditionArgument(input.condition), '', stamp, until);
        }
      }
      const results = await this.#ask(this.#data, async (redis) =>
        answers(
          await (redis as ScriptedRedis).ratecacheWriteBuffer(keys.length, ...keys, ...args),
          keys.length,
          isOutcome,
        ),
      );
      for (let i = 0; i < changes.length; i++) this.#answerChange(changes[i]!, results[i]!);
    } catch (error) {
      for (const change of changes) change.reject(error);
    }
  }

  /** What the script publishes of the sets and of the deletes if it makes them all as they are asked for. */
  #announcements(changes: readonly Waiting<Change, ChangeOutcome>[]): [sets: string, deletes: string] {
    const { channel, origin } = this.#options;
    if (channel === undefined) return ['', ''];
    const set: string[] = [];
    const versions: Version[] = [];
    const deleted: string[] = [];
    for (const { input } of changes) {
      if ('value' in input) {
        set.push(input.key);
        versions.push(input.version);
      } else deleted.push(input.key);
    }
    return [
      set.length === 0 ? '' : announceSets(origin, set, versions),
      deleted.length === 0 ? '' : announceDeletes(origin, deleted),
    ];
  }

  #answerChange(change: Waiting<Change, ChangeOutcome>, [status, detail]: [Buffer, Buffer]): void {
    if (!status.equals(LATE)) return change.resolve(changeOutcome([status, detail]));
    // Its stamp is old, and it is waited for all the same: then the clock of this process is behind.
    if (change.until === undefined) return this.#changes.add({ ...change, until: detail.toString('latin1') });
    change.reject(new StoreError('timeout', 'the change came too late, and was not made'));
  }

  #ask<T>(
    redis: Redis,
    command: (redis: Redis) => Promise<T>,
    timeoutMs = this.#options.commandTimeoutMs,
  ): Promise<T> {
    return ask(redis, this.#counters, timeoutMs, command, redis === this.#data ? this.#breaker : undefined);
  }
}

function conditionArgument(condition: Condition | undefined): string | Buffer {
  if (condition === undefined) return '';
  switch (condition.is) {
    case 'if-exists':
    case 'if-absent':
      return condition.is;
    case 'if-older':
      return Buffer.concat([Buffer.from('<'), Buffer.from(condition.version, 'hex')]);
    default: {
      const sign = condition.is === 'if-version' ? '=' : '!';
      return Buffer.concat([Buffer.from(sign), Buffer.from(condition.versions.join(''), 'hex')]);
    }
  }
}

function isValue(reply: Buffer | null): boolean {
  return reply === null || isBytes(reply);
}

function isOutcome(reply: [Buffer, Buffer]): boolean {
  return Array.isArray(reply) && reply.length === 2 && reply.every(isBytes);
}

function changeOutcome([status, version]: [Buffer, Buffer]): ChangeOutcome {
  return {
    status: status.toString('latin1'),
    version: versionFrom(version),
  } as ChangeOutcome;
}

function versionFrom(raw: Buffer): Version | undefined {
  return raw.length === 0 ? undefined : raw.toString('hex');
}
