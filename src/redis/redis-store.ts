import type { Redis } from 'ioredis';
import type { ServiceClock } from '../cache/clock.ts';
import type { Entry } from '../cache/entry.ts';
import type { Match } from '../cache/match.ts';
import {
  type Listing,
  NotReplicated,
  type Removal,
  type RemovalOutcome,
  type Store,
  StoreError,
  type Write,
  type WriteOutcome,
} from '../cache/store.ts';
import type { Version } from '../cache/version.ts';
import { type TtlTable, typeOf } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import { announceMatch, type Deletion } from './announcement.ts';
import { batchSpan } from './batch-span.ts';
import { type Change, changeCall } from './change-call.ts';
import { evalAsking, getEach } from './cluster/commands.ts';
import { type EnvelopeLimits, isLegacy, unpack, unpackLegacy } from './envelope.ts';
import { Lanes, type LanesDeps, type Route, type Waiting } from './lanes.ts';
import { LARGE_BYTES, LargeKeys } from './large-keys.ts';
import { type DeletionTarget, removeMatching } from './match-deletion.ts';
import { refusal } from './refusal.ts';
import { ReplicaAcks } from './replica-acks.ts';
import { type ScanDeps, scan, scanSlice } from './scan.ts';
import { isOutcome, isSet, outcomeFrom, type ScriptResult, storedBy, whereMade } from './script-result.ts';
import { ADMIN_TIMEOUT_MS, sendCommand } from './send-command.ts';
import { TurnBatch } from './turn-batch.ts';
import { checkReplies, isBytes, pipelineReplies } from './unexpected-replies.ts';

export interface RedisStoreOptions extends EnvelopeLimits {
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
  readonly ttls: TtlTable;
  /** The channel of announcements; undefined for no announcements. */
  readonly channel: string | undefined;
  /** The name of this replica in announcements. */
  readonly origin: string;
  /** The database of the connections. */
  readonly db: number;
  /** How many replicas must acknowledge a change; 0 by default. Then the deps need a `writer`. */
  readonly minReplicasAck?: number;
  /** For a master of a Cluster: commands and scripts touch keys of one slot only. */
  readonly shard?: Shard | undefined;
}

/** One master of a Cluster. */
export interface Shard {
  /** Returns the slot of a key. */
  readonly slotOf: (key: string) => number;
  /** Returns the hash tag of a slot that the master owns. */
  readonly tag: () => string;
}

export interface RedisStoreDeps extends LanesDeps {
  readonly clock: Pick<ServiceClock, 'now' | 'reached' | 'synced' | 'doubt'>;
  /** Called when Redis refuses a change because it is a replica. */
  readonly onReadonly?: () => void;
  /** Called for each value in Redis whose format is unknown. */
  readonly onUnreadable: (key: string) => void;
  /** Handles the error of a deletion whose key may have moved to another master after the scan found it. */
  readonly onMoved?: ((removal: Removal) => (error: unknown) => Promise<ChangeOutcome>) | undefined;
}

export type ChangeOutcome = WriteOutcome | RemovalOutcome;

// One MGET or script call blocks Redis for every client: these limits keep it well under a millisecond.
const READ_SLICE = 512;
const WRITE_SLICE = 128;

/** L2 in Redis. It fulfils the contract of `Store`. */
export class RedisStore implements Store, DeletionTarget {
  readonly #options: RedisStoreOptions;
  readonly #admin: Redis;
  readonly #scanned: ScanDeps;
  readonly #counters: Counters;
  readonly #clock: RedisStoreDeps['clock'];
  readonly #lanes: Lanes;
  readonly #large = new LargeKeys();
  readonly #onReadonly: (() => void) | undefined;
  readonly #onUnreadable: (key: string) => void;
  readonly #onMoved: RedisStoreDeps['onMoved'];
  readonly #reads: TurnBatch<Waiting<string, Entry | undefined>>;
  readonly #acks: ReplicaAcks | undefined;
  readonly #changes: TurnBatch<Waiting<Change, ChangeOutcome>>;
  readonly #lateChanges: TurnBatch<Waiting<Change, ChangeOutcome>>;
  /** The changes of deletions by match. They use the connection of the scan, so that no read waits behind them. */
  readonly #scanChanges: TurnBatch<Waiting<Change, ChangeOutcome>>;

  constructor(options: RedisStoreOptions, deps: RedisStoreDeps) {
    this.#options = options;
    this.#admin = deps.admin;
    this.#scanned = { redis: deps.admin, counters: deps.counters, keyPrefix: options.keyPrefix };
    this.#counters = deps.counters;
    this.#clock = deps.clock;
    this.#onReadonly = deps.onReadonly;
    this.#onUnreadable = deps.onUnreadable;
    this.#onMoved = deps.onMoved;
    const { minReplicasAck = 0, shard, origin } = options;
    const markerKey = () => `__ratecache__:canary:${origin}:replicated${shard?.tag() ?? ''}`;
    if (minReplicasAck > 0) this.#acks = new ReplicaAcks({ count: minReplicasAck, markerKey }, deps.counters);
    const lanes = new Lanes(options.commandTimeoutMs, deps);
    this.#lanes = lanes;
    const reads = {
      most: READ_SLICE,
      keyOf: (key: string) => key,
      route: lanes.live,
      bulk: (leftMs: number) => lanes.bulkRead(leftMs),
    };
    this.#reads = lanes.batch({
      ...reads,
      bytesOf: (key) => this.#large.bytesOf(key),
      send: (items, route) => this.#sendReads(items, route),
    });
    const changes = {
      most: WRITE_SLICE,
      keyOf: ({ key }: Change) => key,
      bytesOf: largeBytesOf,
      send: (items: Waiting<Change, ChangeOutcome>[], route: Route) => this.#sendChanges(items, route),
    };
    const { liveChanges, late, scanned } = lanes;
    this.#changes = lanes.batch({
      ...changes,
      route: liveChanges,
      bulk: (leftMs) => lanes.bulkWrite(leftMs),
    });
    this.#lateChanges = lanes.batch({ ...changes, route: late, bulk: (leftMs) => lanes.bulkLate(leftMs) });
    this.#scanChanges = new TurnBatch(WRITE_SLICE, (items) => void this.#sendChanges(items, scanned));
  }

  read(key: string, span?: TraceSpan): Promise<Entry | undefined> {
    return new Promise((resolve, reject) => this.#reads.add({ input: key, resolve, reject, span }));
  }

  write(write: Write): Promise<WriteOutcome> {
    return this.#change(write) as Promise<WriteOutcome>;
  }

  remove(removal: Removal): Promise<RemovalOutcome> {
    return this.#change(removal) as Promise<RemovalOutcome>;
  }

  removeMatching(match: Match, version: Version, stopped?: () => boolean): Promise<number> {
    return removeMatching([this], match, version, stopped);
  }

  async removeOlder(match: Match, version: Version, beforeSlice: () => Promise<void>): Promise<number> {
    let removed = 0;
    for await (const keys of scan(this.#scanned, match)) {
      await beforeSlice();
      for (let i = 0; i < keys.length; i += WRITE_SLICE)
        removed += await this.#removeOlder(keys.slice(i, i + WRITE_SLICE), version);
    }
    return removed;
  }

  async announceMatch(match: Match, version: Version, deletion: Deletion): Promise<void> {
    const { channel, shard } = this.#options;
    if (channel === undefined) return;
    const message = announceMatch(this.#options, match, version, deletion);
    await this.#lanes.send(this.#lanes.scanned, (redis) =>
      shard === undefined ? redis.publish(channel, message) : redis.spublish(channel + shard.tag(), message),
    );
  }

  /** Deletes the prefixed keys whose versions are lower than `version`, and returns how many it deleted. */
  async #removeOlder(keys: readonly string[], version: Version): Promise<number> {
    const condition = { is: 'if-older', version } as const;
    const outcomes = await Promise.all(
      keys.map((key) => {
        const removal = { key: this.#bare(key), version, condition };
        const made = new Promise<ChangeOutcome>((resolve, reject) => {
          this.#scanChanges.add({ input: removal, resolve, reject, span: undefined });
        });
        return this.#onMoved === undefined ? made : made.catch(this.#onMoved(removal));
      }),
    );
    return outcomes.filter(({ status }) => status === 'deleted').length;
  }

  async list(match: Match, cursor: string | undefined, limit: number): Promise<Listing> {
    const [next, keys] = await scanSlice(this.#scanned, match, cursor ?? '0', limit);
    const pipeline = this.#admin.pipeline();
    for (const key of keys) pipeline.pttl(key);
    const ttls = await sendCommand(this.#admin, this.#counters, ADMIN_TIMEOUT_MS, async () =>
      pipelineReplies<number[]>(await pipeline.exec(), keys.length),
    );
    const names = keys.map((key) => this.#bare(key));
    return {
      keys: names.flatMap((key, i) => {
        const ttl = ttls[i]!;
        // -2: the key was deleted between the two commands. -1: the key has no TTL.
        if (ttl === -2) return [];
        return [ttl < 0 ? { key } : { key, ttlMs: ttl }];
      }),
      cursor: next === '0' ? undefined : next,
    };
  }

  #bare(prefixed: string): string {
    return prefixed.slice(this.#options.keyPrefix.length);
  }

  /** As `read`, on the master that receives the slot of the key while the slot moves. */
  readAsking(key: string, span?: TraceSpan): Promise<Entry | undefined> {
    return new Promise((resolve, reject) => {
      void this.#sendReads([{ input: key, resolve, reject, span }], { ...this.#lanes.live, asking: true });
    });
  }

  /** As `write` and `remove`, on the master that receives the slot of the key while the slot moves. */
  changeAsking(input: Change): Promise<ChangeOutcome> {
    const route = input.late ? this.#lanes.late : this.#lanes.liveChanges;
    return new Promise((resolve, reject) => {
      void this.#sendChanges([{ input, resolve, reject, span: input.span }], { ...route, asking: true });
    });
  }

  #change(input: Change): Promise<ChangeOutcome> {
    const batch = input.late ? this.#lateChanges : this.#changes;
    return new Promise((resolve, reject) => batch.add({ input, resolve, reject, span: input.span }));
  }

  async #sendReads(reads: Waiting<string, Entry | undefined>[], route: Route): Promise<void> {
    const { keyPrefix, shard } = this.#options;
    const keys = reads.map((read) => keyPrefix + read.input);
    const span = batchSpan(reads, shard === undefined ? 'MGET' : 'GET');
    try {
      if (shard !== undefined) {
        const replies = await this.#lanes.send(route, (redis) => getEach(redis, keys, route.asking));
        replies.forEach((reply, i) => {
          if (reply instanceof Error) reads[i]!.reject(reply);
          else this.#answerRead(reads[i]!, reply);
        });
        return;
      }
      const values = await this.#lanes.send(route, async (redis) =>
        checkReplies(await redis.mgetBuffer(keys), reads.length, isValue),
      );
      for (let i = 0; i < reads.length; i++) this.#answerRead(reads[i]!, values[i] ?? null);
    } catch (error) {
      span?.fail((error as StoreError).kind);
      for (const read of reads) read.reject(error);
    } finally {
      span?.end();
    }
  }

  #answerRead(
    { input: key, resolve, reject }: Waiting<string, Entry | undefined>,
    packed: Buffer | null,
  ): void {
    this.#large.learn(key, packed?.length ?? 0);
    if (packed === null) return resolve(undefined);
    if (isLegacy(packed)) {
      this.#readLegacy(key).then(resolve, reject);
      return;
    }
    resolve(unpack(key, packed, this.#options) ?? this.#unreadable(key));
  }

  /**
   * Reads a value of the predecessor service, which does not include its deadline. One script reads the value again
   * together with its TTL: the value from the first read may be older by now than what another read returned.
   */
  async #readLegacy(key: string): Promise<Entry | undefined> {
    // The TTL counts from before the command, or the entry would outlive the key by the round trip.
    const sentAt = this.#clock.now;
    const name = this.#options.keyPrefix + key;
    const [packed, ttl] = await this.#lanes.send(
      this.#lanes.live,
      async (redis) =>
        checkReplies<unknown>(await redis.ratecacheValueBuffer(1, name), 2, () => true) as [
          Buffer | null,
          number,
        ],
    );
    if (packed === null || ttl === -2) return undefined;
    if (!isLegacy(packed)) return unpack(key, packed, this.#options) ?? this.#unreadable(key);
    const left = ttl < 0 ? undefined : ttl;
    const typeTtl = this.#options.ttls[typeOf(key)]!;
    return unpackLegacy(key, packed, left, typeTtl, sentAt) ?? this.#unreadable(key);
  }

  #unreadable(key: string): undefined {
    this.#counters.unreadableValues++;
    this.#onUnreadable(key);
    return undefined;
  }

  async #sendChanges(changes: Waiting<Change, ChangeOutcome>[], route: Route): Promise<void> {
    const { shard } = this.#options;
    if (shard === undefined) return this.#sendOneSlot(changes, route);
    const bySlot = Map.groupBy(changes, ({ input }) => shard.slotOf(input.key));
    await Promise.all([...bySlot.values()].map((each) => this.#sendOneSlot(each, route)));
  }

  async #sendOneSlot(changes: Waiting<Change, ChangeOutcome>[], route: Route): Promise<void> {
    const span = batchSpan(changes, 'EVALSHA');
    try {
      const results = await this.#callScript(changes, route);
      const shortage = await this.#shortage(changes, results, route);
      for (let i = 0; i < changes.length; i++) this.#answerChange(changes[i]!, results[i]!, shortage);
    } catch (error) {
      span?.fail((error as StoreError).kind);
      // Redis refuses the whole call if an ACL forbids one key, or if some of the keys have moved to another master.
      // Halving the batch makes the other changes.
      if (changes.length > 1 && ['noperm', 'tryagain'].includes((error as StoreError).kind)) {
        const half = changes.length >> 1;
        await Promise.all([
          this.#sendOneSlot(changes.slice(0, half), route),
          this.#sendOneSlot(changes.slice(half), route),
        ]);
      } else for (const change of changes) change.reject(this.#unproven(error));
    } finally {
      span?.end();
    }
  }

  #callScript(changes: readonly Waiting<Change, ChangeOutcome>[], route: Route): Promise<ScriptResult[]> {
    const deadline = String(this.#clock.reached + route.timeoutMs);
    const { keys, args } = changeCall(
      changes.map(({ input }) => input),
      this.#options,
      deadline,
      (key, bytes) => this.#large.learn(key, bytes),
    );
    return this.#lanes.send(route, async (redis) => {
      const call = route.asking
        ? evalAsking(redis, this.#lanes.writeScript, keys, args)
        : redis.ratecacheWriteBuffer(keys.length, ...keys, ...args);
      return checkReplies(await call, keys.length, isOutcome);
    });
  }

  /**
   * A change without an answer may have been made. With REDIS_MIN_REPLICAS_ACK, its echo on the link does not settle it,
   * because the echo does not prove that a replica has it.
   */
  #unproven(error: unknown): unknown {
    const unknown = error instanceof StoreError && error.reason === 'timeout';
    return unknown && this.#acks !== undefined ? new NotReplicated(error.message, undefined) : error;
  }

  /** Returns why the changes that were made count as not replicated, if REDIS_MIN_REPLICAS_ACK requires replicas. */
  async #shortage(
    changes: readonly Waiting<Change, ChangeOutcome>[],
    results: readonly ScriptResult[],
    { redis, timeoutMs }: Route,
  ): Promise<string | undefined> {
    if (this.#acks === undefined) return undefined;
    const made = changes.map(({ input }, i) => whereMade(input, results[i]!));
    if (!made.includes('here') && !made.includes('earlier')) return undefined;
    return this.#acks.shortage(redis, timeoutMs, made.includes('earlier'));
  }

  #answerChange(
    change: Waiting<Change, ChangeOutcome>,
    result: ScriptResult,
    shortage: string | undefined,
  ): void {
    const [raw, detail] = result;
    const status = raw.toString('latin1');
    if (shortage !== undefined && whereMade(change.input, result) !== undefined)
      return change.reject(new NotReplicated(shortage, storedBy(result)));
    if (status === 'late') {
      // By this clock the change was in time, because its caller is still waiting. So this clock may be wrong.
      this.#clock.doubt();
      return change.reject(
        new StoreError('timeout', 'the change reached Redis after its deadline and was not made'),
      );
    }
    if (status === 'error') {
      const error = refusal(detail.toString());
      this.#counters.countRedisError(error.kind);
      if (error.kind === 'readonly') this.#onReadonly?.();
      return change.reject(error);
    }
    // Redis lowers a stamp only where it is ahead of Redis's clock. So this clock may be wrong.
    if (isSet(status) && storedBy(result)! < change.input.version) this.#clock.doubt();
    change.resolve(outcomeFrom(result));
  }
}

function largeBytesOf(change: Change): number {
  if (!('value' in change)) return 0;
  const { length } = change.value.body;
  return length > LARGE_BYTES ? length : 0;
}

function isValue(reply: Buffer | null): boolean {
  return reply === null || isBytes(reply);
}
