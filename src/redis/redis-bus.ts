import type { Redis } from 'ioredis';
import type { BusListener, CoherenceState, KeyChange } from '../cache/bus.ts';
import { EVERYTHING } from '../cache/match.ts';
import type { Counters } from '../metrics/counters.ts';
import { isSetByReplica, parseAnnouncement } from './announcement.ts';
import { Heartbeat } from './heartbeat.ts';
import { MalformedOrigins } from './malformed-origins.ts';
import { QUALITY_PREFIX, qualityKindOf } from './marks.ts';
import { RecentAnnouncements } from './recent-announcements.ts';
import { refusal } from './refusal.ts';
import { RestartWatch } from './restart-watch.ts';
import { staySubscribed } from './stay-subscribed.ts';

/**
 * The invalidation link: one connection on which Redis reports every change of a key under the prefix.
 *
 *   CLIENT TRACKING ON REDIRECT <itself> BCAST PREFIX <prefix> PREFIX <canary> PREFIX <sources and marks>
 *   SUBSCRIBE __redis__:invalidate <channel> <canary>
 *
 * Redis then sends the keys of every write, deletion, expiry and eviction to `__redis__:invalidate`, and null for a
 * flush. The announcement channel carries the drops that other programs request, and the changes that replicas
 * announce.
 *
 * The write script publishes the announcement of a set, so the announcement arrives just before the tracking message of
 * the same write. It only adds the reason and the version; the tracking message drops the entry. All other
 * announcements take effect when they arrive.
 *
 * At every beat the replica publishes and writes a canary through the data connection, and both come back on the link.
 * While canaries arrive in time the state is coherent. They also measure the lag. Each write of the canary key returns
 * the previous canary. If that is missing, the database was swapped (SWAPDB, which tracking does not report).
 *
 * In a Cluster each master has its own link. The canary and the channel of the replicas then end with the hash tag of a
 * slot of the master, and use `SSUBSCRIBE` and `SPUBLISH`: other nodes do not receive these messages. The channel of
 * other programs is subscribed on every link, because `PUBLISH` reaches every node.
 *
 * Tracking ends with its connection, so the link is armed again on every `ready`. Changes in between were missed, which
 * is reported as `allChanged`.
 */
export interface RedisBusOptions {
  readonly keyPrefix: string;
  readonly channel: string;
  readonly origin: string;
  /** The database of the connections. */
  readonly db: number;
  readonly maxKeyBytes: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  /** For a master of a Cluster. */
  readonly shard?: BusShard | undefined;
}

/** One master of a Cluster, as its link uses it. */
export interface BusShard {
  /** Returns the hash tag of a slot that the master owns; undefined while it owns no slot. */
  readonly tag: () => string | undefined;
  /** Whether the master owns the slot of the key. */
  readonly owns: (key: string) => boolean;
}

export interface RedisBusDeps {
  readonly link: Redis;
  /** The connection for reads and writes. It sends the canaries. */
  readonly data: Redis;
  readonly counters: Counters;
  readonly listener: BusListener;
  /** Whether reads and writes use Redis now: it is connected, and the circuit breaker is closed. */
  readonly usable: () => boolean;
  /** Called for a malformed message, once for each origin. */
  readonly onMalformed: (origin: string, message: string) => void;
  /** Called when the link reports all changes. */
  readonly onArmed?: () => void;
  readonly onArmFault: (error: Error) => void;
}

const INVALIDATE_CHANNEL = '__redis__:invalidate';
// Longer than any heartbeat interval. The key expires soon after its process ends.
const CANARY_TTL_MS = 10_000;
/** The link reconnects after this much silence while Redis answers. */
const SILENCE_MS = 2000;

export class RedisBus {
  readonly #options: RedisBusOptions;
  readonly #deps: RedisBusDeps;
  /** The key of the canary, without the hash tag. */
  readonly #canaryPrefix: string;
  /** The hash tag of the canary and the channel; '' outside of a Cluster, undefined while the master owns no slot. */
  #tag: string | undefined;
  readonly #heartbeat: Heartbeat;
  readonly #timer: NodeJS.Timeout;
  readonly #announced = new RecentAnnouncements();
  readonly #malformed: MalformedOrigins;
  /** Callers of `caughtUp`, and when they called. */
  #awaiting: { readonly since: number; readonly resolve: () => void }[] = [];
  #state: CoherenceState = 'blind';
  #armed = false;
  /** Present when the link receives changes. `keysLeft`: see `RestartWatch`. */
  #subscribed: { readonly keysLeft: number | undefined } | undefined;
  #closed = false;
  readonly #restarts: RestartWatch;
  /** The number of beats for which the link has been silent while Redis answered. */
  #silentBeats = 0;
  #dataProvenAt = Number.NEGATIVE_INFINITY;
  /** The newest canary that arrived as a message. It proves nothing until tracking reports it too. */
  #publishedCanary = 0;
  /** The newest canary that Redis refused to write, so that tracking does not report it. */
  #refusedCanary = 0;
  /** The canary in the database, if known. */
  #writtenCanary: number | undefined;
  /** Whether Redis supports SET with GET, from 6.2 on. */
  #returnsCanary = true;

  constructor(options: RedisBusOptions, deps: RedisBusDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#canaryPrefix = `__ratecache__:canary:${options.origin}`;
    this.#tag = this.#currentTag();
    this.#heartbeat = new Heartbeat(options.heartbeatIntervalMs, options.heartbeatTimeoutMs);
    this.#malformed = new MalformedOrigins(deps.onMalformed);
    const { link, data } = deps;
    this.#restarts = new RestartWatch(link);
    if (options.shard !== undefined) staySubscribed(link);
    link.on('messageBuffer', (channel: Buffer, message: Buffer | Buffer[] | null) =>
      this.#onMessage(channel.toString(), message),
    );
    link.on('smessageBuffer', (channel: Buffer, message: Buffer) =>
      this.#onMessage(channel.toString(), message),
    );
    link.on('ready', () => void this.#arm());
    link.on('close', () => this.#disarm());
    data.on('ready', () => this.#beat());
    data.on('close', () => this.updateState());
    this.#timer = setInterval(() => this.#beat(), options.heartbeatIntervalMs);
    this.#timer.unref();
    if (link.status === 'ready') void this.#arm();
  }

  get state(): CoherenceState {
    return this.#state;
  }

  /** Resolves once the link has reported every change that Redis made before this call. */
  caughtUp(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaiting.push({ since: performance.now(), resolve });
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closed = true;
    this.#deps.link.disconnect();
  }

  async #arm(): Promise<void> {
    const { link, onArmFault } = this.#deps;
    const { keyPrefix, channel, shard } = this.#options;
    const prefixes = ['PREFIX', keyPrefix];
    // Redis refuses overlapping prefixes. A key prefix that covers another one reports its keys anyway.
    for (const prefix of [this.#canaryPrefix, QUALITY_PREFIX])
      if (!prefix.startsWith(keyPrefix)) prefixes.push('PREFIX', prefix);
    let keysLeft: number | undefined;
    try {
      keysLeft = await this.#restarts.keysLeft();
      const id = await link.client('ID');
      // Not NOLOOP. It suppresses a report where the client that changed the key is the tracking client. Our writes are
      // made by a script, and inside a script Redis takes the script engine's own client for the writer. So NOLOOP does
      // not filter the writes of a script (measured with Redis 7.0.15: a plain SET is silent, the same SET in EVAL is
      // reported). NOLOOP would also need tracking on the writing connection, redirected to the link. If that
      // connection closes, the link goes silent without an error.
      await link.call('CLIENT', ['TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', ...prefixes]);
      this.#tag = this.#currentTag();
      await link.subscribe(INVALIDATE_CHANNEL, channel, ...(shard === undefined ? [this.#canary] : []));
      await this.#subscribeShard();
    } catch (error) {
      if (link.status === 'ready') {
        onArmFault(error as Error);
        // Without tracking the link is useless: reconnect and arm it again, with the connection's backoff.
        link.disconnect(true);
      }
      return;
    }
    this.#subscribed = { keysLeft };
    this.#deps.onArmed?.();
    this.updateState();
  }

  /** Empties L1, but only when reads can fill it again. Until then its entries answer reads in the state `blind`. */
  #completeArming(): void {
    if (this.#subscribed === undefined || this.#armed || !this.#deps.usable()) return;
    this.#armed = true;
    // `allChanged` below covers an earlier swap of the database.
    this.#writtenCanary = undefined;
    this.#deps.listener.allChanged('rearmed', this.#subscribed.keysLeft);
    this.#beat();
  }

  get #canary(): string {
    return this.#canaryPrefix + (this.#tag ?? '');
  }

  #currentTag(): string | undefined {
    const { shard } = this.#options;
    return shard === undefined ? '' : shard.tag();
  }

  /** In a Cluster, subscribes to the canary and to the channel of the replicas. */
  async #subscribeShard(): Promise<void> {
    const { channel, shard } = this.#options;
    if (shard === undefined || this.#tag === undefined) return;
    await this.#deps.link.ssubscribe(this.#canary, channel + this.#tag);
  }

  /** The master may have lost the slot of the canary and the channel. Uses another slot from now on. */
  #followTag(): void {
    const tag = this.#currentTag();
    if (tag === this.#tag) return;
    const { link, onArmFault } = this.#deps;
    const before = [this.#canary, this.#options.channel + this.#tag];
    this.#tag = tag;
    this.#writtenCanary = undefined;
    if (!this.#armed) return;
    link.sunsubscribe(...before).catch(() => {});
    this.#subscribeShard().catch((error) => {
      if (link.status !== 'ready') return;
      onArmFault(error as Error);
      link.disconnect(true);
    });
  }

  #disarm(): void {
    this.#armed = false;
    this.#subscribed = undefined;
    // The data connection may be ready first, on a database without the canary. Arming the link again covers that.
    this.#writtenCanary = undefined;
    this.#heartbeat.reset();
    this.updateState();
  }

  #beat(): void {
    const { data } = this.#deps;
    this.#followTag();
    if (data.status === 'ready' && this.#tag !== undefined) {
      const sequence = this.#heartbeat.beat(performance.now());
      const published =
        this.#options.shard === undefined
          ? data.publish(this.#canary, String(sequence))
          : data.spublish(this.#canary, String(sequence));
      published.then(
        () => this.#dataAnswered(),
        (error) => this.#publishRefused(error),
      );
      // Tracking reports the write of this key on the link.
      const written = this.#returnsCanary
        ? data.set(this.#canary, sequence, 'PX', CANARY_TTL_MS, 'GET')
        : data.set(this.#canary, sequence, 'PX', CANARY_TTL_MS);
      written.then(
        (before) => this.#canaryWritten(sequence, before),
        (error) => this.#canaryRefused(sequence, error),
      );
    }
    this.updateState();
    // Redis answers while the link is silent, so the link is half open: reconnect it.
    this.#silentBeats = this.#armed && this.#state === 'degraded' ? this.#silentBeats + 1 : 0;
    if (this.#silentBeats * this.#options.heartbeatIntervalMs > SILENCE_MS) {
      this.#silentBeats = 0;
      this.#deps.link.disconnect(true);
    }
  }

  #dataAnswered(): void {
    this.#dataProvenAt = performance.now();
    this.updateState();
  }

  /** Counts why Redis refused to publish the canary, because nothing else reports the cause. */
  #publishRefused({ name, message }: Error): void {
    if (name === 'ReplyError') this.#deps.counters.countRedisError(refusal(message).kind);
  }

  #onMessage(channel: string, message: Buffer | Buffer[] | null): void {
    if (channel === INVALIDATE_CHANNEL) this.#onTracking(message as Buffer[] | null);
    else if (channel === this.#canary) this.#onPublishedCanary(Number(message));
    else this.#onAnnouncement((message as Buffer).toString());
  }

  #onTracking(keys: Buffer[] | null): void {
    const { listener, counters } = this.#deps;
    if (keys === null) {
      counters.countInvalidation('tracking', 'flush', 1);
      // The flush may have deleted the canary. Write the next one at once, or a swap before it would be missed.
      this.#writtenCanary = undefined;
      listener.allChanged('flush');
      this.#beat();
      return;
    }
    const { keyPrefix } = this.#options;
    const changes: KeyChange[] = [];
    for (const raw of keys) {
      const key = raw.toString();
      const kind = qualityKindOf(key, keyPrefix);
      if (key === this.#canary) this.#onTrackedCanary();
      else if (kind !== undefined) listener.qualityChanged?.(kind);
      else if (key.startsWith(keyPrefix)) changes.push(this.#trackedChange(key.slice(keyPrefix.length)));
    }
    if (changes.length === 1) listener.keyChanged(changes[0]!.key, changes[0]!.announced);
    else if (changes.length > 1) listener.keysChanged(changes);
  }

  #trackedChange(key: string): KeyChange {
    const announced = this.#announced.take(key);
    this.#deps.counters.countInvalidation('tracking', announced?.reason ?? 'remote', 1);
    return { key, announced };
  }

  #onPublishedCanary(sequence: number): void {
    this.#publishedCanary = sequence;
    if (sequence <= this.#refusedCanary) this.#onCanary(sequence);
  }

  #canaryWritten(sequence: number, before: string | null): void {
    const expected = this.#writtenCanary;
    // While the link is down, Redis may come back empty. That is not a swap: arming the link empties L1 and resets clients.
    this.#writtenCanary = this.#armed ? sequence : undefined;
    if (!this.#returnsCanary || expected === undefined || before === String(expected)) return;
    this.#deps.counters.countInvalidation('tracking', 'swap', 1);
    this.#deps.listener.allChanged('flush');
  }

  // A Redis that is out of memory or a replica refuses the write, but still answers reads and reports changes. The
  // published canary is then proof enough: it used the same connection as the earlier tracking messages.
  #canaryRefused(sequence: number, error: Error): void {
    if (error.name !== 'ReplyError') return;
    if (error.message.includes('syntax error')) this.#returnsCanary = false;
    this.#refusedCanary = sequence;
    if (this.#publishedCanary >= sequence) this.#onCanary(sequence);
  }

  // A tracking message has no value. But Redis sends the published canary before the tracking message of its write,
  // which waits for the end of Redis's loop. So the newest published canary is the one that tracking reports.
  #onTrackedCanary(): void {
    this.#onCanary(this.#publishedCanary);
  }

  #onCanary(sequence: number): void {
    const now = performance.now();
    const lag = this.#heartbeat.arrived(sequence, now);
    if (lag === undefined) return;
    const sentAt = now - lag;
    for (const { since, resolve } of this.#awaiting) if (since <= sentAt) resolve();
    this.#awaiting = this.#awaiting.filter(({ since }) => since > sentAt);
    this.#deps.counters.coherenceLagSeconds.observe(lag / 1000);
    this.#deps.counters.lastCoherenceLagSeconds = lag / 1000;
    this.#announced.rotate();
    this.updateState();
  }

  #onAnnouncement(text: string): void {
    const { listener, counters } = this.#deps;
    const { shard } = this.#options;
    const announcement = parseAnnouncement(text, this.#options.maxKeyBytes);
    if (announcement === undefined) {
      counters.malformedAnnouncements++;
      this.#malformed.add(text);
      return;
    }
    const { origin, db, reason, keys, versions, matches, version, deletion } = announcement;
    if (origin !== undefined && db !== this.#options.db) return;
    if (origin !== undefined) this.#announced.add(announcement);
    if (origin === this.#options.origin || isSetByReplica(announcement)) return;
    counters.countInvalidation('announcement', reason, keys.length + matches.length);
    for (const [i, key] of keys.entries()) {
      // A message of another program arrives on the link of every master.
      if (origin === undefined && shard?.owns(key) === false) continue;
      listener.keyChanged(key, { reason, version: versions?.[i] });
    }
    for (const match of matches)
      if (deletion === 'begun') listener.matchDeleting(match, version!);
      else if (deletion === 'failed') listener.matchFailed(version!);
      else listener.matchChanged(match, match === EVERYTHING ? 'flush' : reason, version);
  }

  /** Determines the state, and reports it if it has changed. */
  updateState(): void {
    this.#completeArming();
    const now = performance.now();
    const { usable, listener } = this.#deps;
    const dataUp = usable() && now - this.#dataProvenAt <= this.#options.heartbeatTimeoutMs;
    const linkUp = this.#armed && this.#heartbeat.alive(now);
    const state = !dataUp ? 'blind' : linkUp ? 'coherent' : 'degraded';
    if (state === this.#state || this.#closed) return;
    // Canaries that arrive late prove nothing about later messages: only canaries that leave from now on count.
    if (this.#state === 'coherent' && state === 'degraded') this.#heartbeat.reset();
    this.#state = state;
    listener.stateChanged(state);
  }
}
