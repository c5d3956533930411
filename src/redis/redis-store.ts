import type { Redis } from 'ioredis';
import type { ServiceClock } from '../cache/clock.ts';
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
import { announceChanges, announceMatch } from './announcement.ts';
import { ADMIN_TIMEOUT_MS, ask } from './ask.ts';
import type { Breaker } from './breaker.ts';
import { type EnvelopeLimits, isLegacy, pack, unpack, unpackLegacy } from './envelope.ts';
import { answers, isBytes, replies } from './garbage.ts';
import { refusal } from './refusal.ts';
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
  /** Set by Redis's clock: the data connection is used only once that is known. */
  readonly clock: Pick<ServiceClock, 'now' | 'reached' | 'synced'>;
  /** Guards the data connection. */
  readonly breaker?: Breaker;
  /** Redis refused a change because it is a replica. */
  readonly onReadonly?: () => void;
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
}

/** How long a late change may take: longer than any live one, since nobody waits for it. In milliseconds. */
const LATE_TIMEOUT_MS = 2000;

/** By which connection changes go, and how long they may take. */
interface Route {
  readonly redis: Redis;
  readonly timeoutMs: number;
  readonly breaker: Breaker | undefined;
}

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
  readonly #clock: RedisStoreParts['clock'];
  readonly #breaker: Breaker | undefined;
  readonly #onReadonly: (() => void) | undefined;
  readonly #onUnreadable: (key: string) => void;
  readonly #reads: TurnBatch<Waiting<string, Entry | undefined>>;
  readonly #changes: TurnBatch<Waiting<Change, ChangeOutcome>>;
  readonly #lateChanges: TurnBatch<Waiting<Change, ChangeOutcome>>;
  /** Of a deletion by match, on the connection of its scan, so that no read waits behind them. */
  readonly #scanChanges: TurnBatch<Waiting<Change, ChangeOutcome>>;
  readonly #versions: TurnBatch<Waiting<string, Version | undefined>>;

  constructor(options: RedisStoreOptions, parts: RedisStoreParts) {
    this.#options = options;
    this.#data = parts.data as ScriptedRedis;
    this.#admin = parts.admin;
    this.#scanned = { redis: parts.admin, counters: parts.counters, keyPrefix: options.keyPrefix };
    this.#counters = parts.counters;
    this.#clock = parts.clock;
    this.#breaker = parts.breaker;
    this.#onReadonly = parts.onReadonly;
    this.#onUnreadable = parts.onUnreadable;
    for (const redis of new Set([this.#data, this.#admin]))
      redis.defineCommand('ratecacheWrite', { lua: WRITE_SCRIPT });
    this.#data.defineCommand('ratecacheVersions', { lua: VERSIONS_SCRIPT, readOnly: true });
    this.#reads = new TurnBatch(READ_SLICE, (items) => void this.#sendReads(items));
    const { commandTimeoutMs } = options;
    const live: Route = { redis: this.#data, timeoutMs: commandTimeoutMs, breaker: parts.breaker };
    // What is pending is made even while the circuit breaker is open: on a slow path that is the only way for it.
    const late: Route = { redis: this.#data, timeoutMs: LATE_TIMEOUT_MS, breaker: undefined };
    const scanned: Route = { redis: this.#admin, timeoutMs: ADMIN_TIMEOUT_MS, breaker: undefined };
    this.#changes = this.#batchOf(live);
    this.#lateChanges = this.#batchOf(late);
    this.#scanChanges = this.#batchOf(scanned);
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

  async removeMatching(match: Match, version: Version): Promise<number> {
    await this.#announceMatch(match, version, true);
    let removed = 0;
    for await (const keys of scan(this.#scanned, match)) {
      for (let i = 0; i < keys.length; i += WRITE_SLICE)
        removed += await this.#removeOlder(keys.slice(i, i + WRITE_SLICE), version);
    }
    await this.#announceMatch(match, version, false);
    return removed;
  }

  async #announceMatch(match: Match, version: Version, deleting: boolean): Promise<void> {
    const { channel, origin } = this.#options;
    if (channel === undefined) return;
    const message = announceMatch(origin, match, version, deleting);
    await this.#ask(this.#admin, (redis) => redis.publish(channel, message), ADMIN_TIMEOUT_MS);
  }

  /** Deletes those of these keys, prefixed, whose versions are less than this one; returns how many it was. */
  async #removeOlder(keys: readonly string[], version: Version): Promise<number> {
    const condition = { is: 'if-older', version } as const;
    const outcomes = await Promise.all(
      keys.map(
        (key) =>
          new Promise<ChangeOutcome>((resolve, reject) => {
            this.#scanChanges.add({ input: { key: this.#bare(key), version, condition }, resolve, reject });
          }),
      ),
    );
    return outcomes.filter(({ status }) => status === 'deleted').length;
  }

  async list(match: Match, cursor: string | undefined, limit: number): Promise<Listing> {
    const [next, keys] = await scanSlice(this.#scanned, match, cursor ?? '0', limit);
    const pipeline = this.#admin.pipeline();
    for (const key of keys) pipeline.pttl(key);
    const ttls = await this.#ask(
      this.#admin,
      async () => replies<number[]>(await pipeline.exec(), keys.length),
      ADMIN_TIMEOUT_MS,
    );
    const names = keys.map((key) => this.#bare(key));
    return {
      keys: names.flatMap((key, i) => {
        const ttl = ttls[i]!;
        // -2: it was deleted between the two commands. -1: it has no deadline.
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
    const batch = input.late ? this.#lateChanges : this.#changes;
    return new Promise((resolve, reject) => batch.add({ input, resolve, reject }));
  }

  #batchOf(route: Route): TurnBatch<Waiting<Change, ChangeOutcome>> {
    return new TurnBatch(WRITE_SLICE, (changes) => void this.#sendChanges(changes, route));
  }

  async #sendReads(reads: Waiting<string, Entry | undefined>[]): Promise<void> {
    const { keyPrefix } = this.#options;
    try {
      const values = await this.#ask(this.#data, async (redis) => {
        this.#needClock();
        const keys = reads.map((read) => keyPrefix + read.input);
        return answers(await redis.mgetBuffer(keys), reads.length, isValue);
      });
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
      this.#readLegacy(key).then(resolve, reject);
      return;
    }
    resolve(unpack(key, packed, this.#options) ?? this.#unreadable(key));
  }

  /**
   * The predecessor's values do not carry their deadline, so Redis has to be asked for it, and for the value again, in
   * one transaction: what was read first may be older by now than what another read returned.
   */
  async #readLegacy(key: string): Promise<Entry | undefined> {
    // The time before the question, or the entry would outlive the key by the time of the answer.
    const asked = this.#clock.now;
    const name = this.#options.keyPrefix + key;
    const [packed, ttl] = await this.#ask(this.#data, async (redis) =>
      replies<[Buffer | null, number]>(await redis.multi().getBuffer(name).pttl(name).exec(), 2),
    );
    if (packed === null || ttl === -2) return undefined;
    if (!isLegacy(packed)) return unpack(key, packed, this.#options) ?? this.#unreadable(key);
    const left = ttl < 0 ? undefined : ttl;
    const typeTtl = this.#options.ttls[typeOf(key)]!;
    return unpackLegacy(key, packed, left, typeTtl, asked) ?? this.#unreadable(key);
  }

  #unreadable(key: string): undefined {
    this.#counters.unreadableValues++;
    this.#onUnreadable(key);
    return undefined;
  }

  async #sendChanges(changes: Waiting<Change, ChangeOutcome>[], route: Route): Promise<void> {
    try {
      const results = await this.#callScript(changes, route);
      for (let i = 0; i < changes.length; i++) this.#answerChange(changes[i]!, results[i]!);
    } catch (error) {
      // Redis refuses a call as a whole where one key is forbidden: the others are made without it.
      if (changes.length > 1 && (error as StoreError).kind === 'noperm') {
        const half = changes.length >> 1;
        void this.#sendChanges(changes.slice(0, half), route);
        void this.#sendChanges(changes.slice(half), route);
      } else for (const change of changes) change.reject(error);
    }
  }

  #callScript(changes: readonly Waiting<Change, ChangeOutcome>[], route: Route): Promise<[Buffer, Buffer][]> {
    const { channel, keyPrefix } = this.#options;
    const deadline = String(this.#clock.reached + route.timeoutMs);
    const keys: string[] = [];
    const args: (string | number | Buffer)[] = [channel ?? '', ...this.#announcements(changes)];
    for (const { input } of changes) {
      keys.push(keyPrefix + input.key);
      const condition = conditionArgument(input.condition);
      if ('value' in input) {
        const { value, version, storedAt, expiresAt } = input;
        const envelope = pack(value, version, storedAt, expiresAt, this.#options);
        args.push('set', condition, expiresAt, envelope, deadline);
      } else args.push('delete', condition, '', Buffer.from(input.version, 'hex'), deadline);
    }
    return ask(
      route.redis,
      this.#counters,
      route.timeoutMs,
      async (redis) => {
        this.#needClock();
        const call = (redis as ScriptedRedis).ratecacheWriteBuffer(keys.length, ...keys, ...args);
        return answers(await call, keys.length, isOutcome);
      },
      route.breaker,
    );
  }

  /** What the script publishes of the sets and of the deletes if it makes them all as they are asked for. */
  #announcements(changes: readonly Waiting<Change, ChangeOutcome>[]): [sets: string, deletes: string] {
    const { channel, origin } = this.#options;
    const announce = (reason: 'set' | 'delete') => {
      const of = changes.filter(({ input }) => 'value' in input === (reason === 'set'));
      if (channel === undefined || of.length === 0) return '';
      const [keys, versions] = [of.map(({ input }) => input.key), of.map(({ input }) => input.version)];
      return announceChanges(origin, reason, keys, versions);
    };
    return [announce('set'), announce('delete')];
  }

  #answerChange(change: Waiting<Change, ChangeOutcome>, [raw, detail]: [Buffer, Buffer]): void {
    const status = raw.toString('latin1');
    if (status === 'late')
      return change.reject(new StoreError('timeout', 'the change reached Redis too late and was not made'));
    if (status === 'error') {
      const error = refusal(detail.toString());
      this.#counters.countRedisError(error.kind);
      if (error.kind === 'readonly') this.#onReadonly?.();
      return change.reject(error);
    }
    change.resolve({ status, version: versionFrom(detail) } as ChangeOutcome);
  }

  /** @throws StoreError until Redis's clock is known: deadlines would mean nothing */
  #needClock(): void {
    if (!this.#clock.synced) throw new StoreError('unavailable', 'not connected to Redis');
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
      return Buffer.concat([
        Buffer.from(condition.unlessForeign ? '~' : '<'),
        Buffer.from(condition.version, 'hex'),
      ]);
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

function versionFrom(raw: Buffer): Version | undefined {
  return raw.length === 0 ? undefined : raw.toString('hex');
}
