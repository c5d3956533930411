import type { Redis } from 'ioredis';
import type { Announced, BusListener, CoherenceState } from '../cache/bus.ts';

import { EVERYTHING } from '../cache/match.ts';
import type { Counters } from '../metrics/counters.ts';
import { type Announcement, parseAnnouncement } from './announcement.ts';
import { Heartbeat } from './heartbeat.ts';
import { refusal } from './refusal.ts';

/**
 * The invalidation link: one connection that hears of everything that happens under the key prefix.
 *
 *   CLIENT TRACKING ON REDIRECT <itself> BCAST PREFIX <prefix> PREFIX <canary>
 *   SUBSCRIBE __redis__:invalidate <channel> <canary>
 *
 * Redis then sends the keys of every write, expiry and eviction to `__redis__:invalidate`, null for a flush.
 * The announcement channel carries what programs want dropped, and what replicas announce of their own changes. A
 * replica's announcement of a set leaves from within the write's script and so arrives just before the tracking
 * message of the same write: it adds the reason and the version, and the tracking message acts. All other
 * announcements act as they arrive.
 *
 * A canary goes round through both mechanisms at every beat, by the data connection out and by the link back.
 * While they return in time the state is coherent; they also measure the lag. Each write of the canary returns the
 * one before. Where that is not there, the database was swapped for another (SWAPDB, which tracking does not report).
 *
 * Tracking does not outlive its connection, so the link is armed again on every `ready`; what happened
 * in between was missed, which is reported as `allChanged`.
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
}

export interface RedisBusDeps {
  readonly link: Redis;
  /** The connection that reads and writes: only together with it is anything coherent. */
  readonly data: Redis;
  readonly counters: Counters;
  readonly listener: BusListener;
  /** Whether reads and writes go to Redis now: it is connected, and the circuit breaker is closed. */
  readonly usable: () => boolean;
  /** Told once an origin of messages that cannot be understood. */
  readonly onMalformed: (origin: string, message: string) => void;
  /** The link hears of changes from now on. */
  readonly onArmed?: () => void;
  readonly onArmFault: (error: Error) => void;
}

const INVALIDATE_CHANNEL = '__redis__:invalidate';
// Longer than any heartbeat, and gone soon after the process is.
const CANARY_TTL_MS = 10_000;
/** How long the link may be silent before it is made anew. */
const SILENCE_MS = 2000;
const MAX_ANNOUNCED = 10_000;
const MAX_MALFORMED_ORIGINS = 100;

export class RedisBus {
  readonly #options: RedisBusOptions;
  readonly #deps: RedisBusDeps;
  readonly #canary: string;
  readonly #heartbeat: Heartbeat;
  readonly #timer: NodeJS.Timeout;
  /** What replicas said of writes whose tracking messages are still to come; see `#rotateAnnounced`. */
  #announced = new Map<string, Announced>();
  #announcedBefore = new Map<string, Announced>();
  readonly #malformedOrigins = new Set<string>();
  /** Callers of `caughtUp`, and when they called. */
  #awaiting: { readonly since: number; readonly resolve: () => void }[] = [];
  #state: CoherenceState = 'blind';
  #armed = false;
  /** Of the Redis process that the link was armed with last. */
  #runId: string | undefined;
  /** Beats for which the link has been silent while Redis answered. */
  #silentBeats = 0;
  #dataProvenAt = Number.NEGATIVE_INFINITY;
  /** The newest canary that the channel brought; it proves nothing until tracking brings it too. */
  #publishedCanary = 0;
  /** The newest canary that Redis would not write, so that tracking does not bring it. */
  #refusedCanary = 0;
  /** The canary that the database holds, as far as is known. */
  #writtenCanary: number | undefined;
  /** Whether Redis knows SET with GET, which it does from 6.2 on. */
  #returnsCanary = true;

  constructor(options: RedisBusOptions, deps: RedisBusDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#canary = `__ratecache__:canary:${options.origin}`;
    this.#heartbeat = new Heartbeat(options.heartbeatIntervalMs, options.heartbeatTimeoutMs);
    const { link, data } = deps;
    link.on('messageBuffer', (channel: Buffer, message: Buffer | Buffer[] | null) =>
      this.#onMessage(channel.toString(), message),
    );
    link.on('ready', () => void this.#arm());
    link.on('close', () => this.#disarm());
    data.on('ready', () => this.#beat());
    data.on('close', () => this.judge());
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
    this.#deps.link.disconnect();
  }

  async #arm(): Promise<void> {
    const { link, listener, onArmFault } = this.#deps;
    const { keyPrefix, channel } = this.#options;
    const prefixes = ['PREFIX', keyPrefix];
    // Prefixes must not overlap, and one that covers the canary brings it anyway.
    if (!this.#canary.startsWith(keyPrefix)) prefixes.push('PREFIX', this.#canary);
    let keysLeft: number | undefined;
    try {
      keysLeft = await this.#keysAfterRestart();
      const id = await link.client('ID');
      await link.call('CLIENT', ['TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', ...prefixes]);
      await link.subscribe(INVALIDATE_CHANNEL, channel, this.#canary);
    } catch (error) {
      if (link.status === 'ready') {
        onArmFault(error as Error);
        // Without tracking the link is worth nothing: try from the beginning, with the connection's backoff.
        link.disconnect(true);
      }
      return;
    }
    this.#armed = true;
    // Whatever happened to the database before is covered by this.
    this.#writtenCanary = undefined;
    this.#deps.onArmed?.();
    listener.allChanged('rearmed', keysLeft);
    this.#beat();
  }

  /** How many keys Redis holds, if it is another process than the last time. */
  async #keysAfterRestart(): Promise<number | undefined> {
    const { link } = this.#deps;
    // Who may not ask is not told, and the entries of L1 are then simply dropped.
    const info = String(await link.info('server').catch(() => ''));
    const runId = /^run_id:(\w+)/m.exec(info)?.[1];
    const restarted = this.#runId !== undefined && runId !== undefined && runId !== this.#runId;
    this.#runId = runId ?? this.#runId;
    return restarted ? link.dbsize().catch(() => undefined) : undefined;
  }

  #disarm(): void {
    this.#armed = false;
    // The data connection may be back first, at a database without the canary: what happened to it is found out, and
    // covered, when the link is armed again.
    this.#writtenCanary = undefined;
    this.#heartbeat.reset();
    this.judge();
  }

  #beat(): void {
    const { data } = this.#deps;
    if (data.status === 'ready') {
      const sequence = this.#heartbeat.beat(performance.now());
      data.publish(this.#canary, String(sequence)).then(
        () => this.#dataAnswered(),
        (error) => this.#publishRefused(error),
      );
      // That the key was written is the message.
      const written = this.#returnsCanary
        ? data.set(this.#canary, sequence, 'PX', CANARY_TTL_MS, 'GET')
        : data.set(this.#canary, sequence, 'PX', CANARY_TTL_MS);
      written.then(
        (before) => this.#canaryWritten(sequence, before),
        (error) => this.#canaryRefused(sequence, error),
      );
    }
    this.judge();
    // Half open: the connection is made anew.
    this.#silentBeats = this.#armed && this.#state === 'degraded' ? this.#silentBeats + 1 : 0;
    if (this.#silentBeats * this.#options.heartbeatIntervalMs > SILENCE_MS) {
      this.#silentBeats = 0;
      this.#deps.link.disconnect(true);
    }
  }

  #dataAnswered(): void {
    this.#dataProvenAt = performance.now();
    this.judge();
  }

  /** A canary that cannot be sent shows in the state. Why Redis refuses it shows nowhere else. */
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
      // It may have been this database, with the canary in it. The next one follows at once, or a swap would go unnoticed.
      this.#writtenCanary = undefined;
      listener.allChanged('flush');
      this.#beat();
      return;
    }
    const { keyPrefix } = this.#options;
    for (const raw of keys) {
      const key = raw.toString();
      if (key === this.#canary) this.#onTrackedCanary();
      else if (key.startsWith(keyPrefix)) this.#onTrackedKey(key.slice(keyPrefix.length));
    }
  }

  #onTrackedKey(key: string): void {
    const { listener, counters } = this.#deps;
    const announced = this.#announced.get(key) ?? this.#announcedBefore.get(key);
    if (announced !== undefined) {
      this.#announced.delete(key);
      this.#announcedBefore.delete(key);
    }
    counters.countInvalidation('tracking', announced?.reason ?? 'remote', 1);
    listener.keyChanged(key, announced);
  }

  #onPublishedCanary(sequence: number): void {
    this.#publishedCanary = sequence;
    if (sequence <= this.#refusedCanary) this.#onCanary(sequence);
  }

  #canaryWritten(sequence: number, before: string | null): void {
    const expected = this.#writtenCanary;
    this.#writtenCanary = sequence;
    if (!this.#returnsCanary || expected === undefined || before === String(expected)) return;
    this.#deps.counters.countInvalidation('tracking', 'swap', 1);
    this.#deps.listener.allChanged('flush');
  }

  // A Redis that is full or a replica answers reads and tells of what happens there, so the link is as good as
  // ever. The publication then has to do as proof: it came by the same connection as what tracking sent before.
  #canaryRefused(sequence: number, error: Error): void {
    if (error.name !== 'ReplyError') return;
    if (error.message.includes('syntax error')) this.#returnsCanary = false;
    this.#refusedCanary = sequence;
    if (this.#publishedCanary >= sequence) this.#onCanary(sequence);
  }

  // Tracking messages carry no value; but the publication of a canary leaves before its write and, unlike the
  // tracking message, without waiting for Redis's loop to turn. So the newest one published is the one tracked.
  #onTrackedCanary(): void {
    this.#onCanary(this.#publishedCanary);
  }

  #onCanary(sequence: number): void {
    const now = performance.now();
    const lag = this.#heartbeat.heard(sequence, now);
    if (lag === undefined) return;
    const sentAt = now - lag;
    for (const { since, resolve } of this.#awaiting) if (since <= sentAt) resolve();
    this.#awaiting = this.#awaiting.filter(({ since }) => since > sentAt);
    this.#deps.counters.coherenceLagSeconds.observe(lag / 1000);
    this.#rotateAnnounced();
    this.judge();
  }

  // A tracking message comes right after its announcement. One that did not come with the canary after the next
  // will not come at all (there was nothing to delete), and a later write must not be taken for this one.
  #rotateAnnounced(): void {
    this.#announcedBefore = this.#announced;
    this.#announced = new Map();
  }

  #onAnnouncement(text: string): void {
    const { listener, counters, onMalformed } = this.#deps;
    const announcement = parseAnnouncement(text, this.#options.maxKeyBytes);
    if (announcement === undefined) {
      counters.malformedAnnouncements++;
      this.#reportMalformed(text, onMalformed);
      return;
    }
    const { origin, db, reason, keys, versions, matches, version, deletion } = announcement;
    if (origin !== undefined && db !== this.#options.db) return;
    if (origin !== undefined) this.#remember(announcement);
    if (origin === this.#options.origin || isSetByReplica(announcement)) return;
    counters.countInvalidation('announcement', reason, keys.length + matches.length);
    for (const [i, key] of keys.entries()) listener.keyChanged(key, { reason, version: versions?.[i] });
    for (const match of matches)
      if (deletion === 'begun') listener.matchDeleting(match, version!);
      else if (deletion === 'failed') listener.matchFailed(version!);
      else listener.matchChanged(match, match === EVERYTHING ? 'flush' : reason, version);
  }

  #remember({ keys, versions, reason }: Announcement): void {
    if (this.#announced.size > MAX_ANNOUNCED) this.#rotateAnnounced();
    keys.forEach((key, i) => {
      this.#announced.set(key, { reason, version: versions?.[i] });
    });
  }

  #reportMalformed(text: string, report: RedisBusDeps['onMalformed']): void {
    const origin = /"origin"\s*:\s*"([^"]{1,64})"/.exec(text)?.[1] ?? 'unknown';
    if (this.#malformedOrigins.has(origin) || this.#malformedOrigins.size >= MAX_MALFORMED_ORIGINS) return;
    this.#malformedOrigins.add(origin);
    report(origin, text.slice(0, 200));
  }

  /** Works out the state, and reports it where it changed. */
  judge(): void {
    const now = performance.now();
    const { usable, listener } = this.#deps;
    const dataUp = usable() && now - this.#dataProvenAt <= this.#options.heartbeatTimeoutMs;
    const linkUp = this.#armed && this.#heartbeat.alive(now);
    const state = !dataUp ? 'blind' : linkUp ? 'coherent' : 'degraded';
    if (state === this.#state) return;
    // What comes late proves nothing about what comes after it: only canaries that leave from now on count.
    if (this.#state === 'coherent' && state === 'degraded') this.#heartbeat.reset();
    this.#state = state;
    listener.stateChanged(state);
  }
}

/** Whether a replica announces that it wrote these keys: then tracking reports it too, right after. */
function isSetByReplica({ origin, reason, versions }: Announcement): boolean {
  return origin !== undefined && reason === 'set' && versions !== undefined;
}
