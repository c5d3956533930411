/** Builds everything that belongs to one Redis server: the only one, or one master of a Cluster. */
import type { BusListener, CoherenceState } from '../cache/bus.ts';
import type { Clock, ServiceClock } from '../cache/clock.ts';
import type { Removal } from '../cache/store.ts';
import type { Config } from '../config/config.ts';
import type { TtlTable } from '../key.ts';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import { Breaker } from '../redis/breaker.ts';
import { type ClockSample, syncClock } from '../redis/clock-sync.ts';
import type { OpenRedis } from '../redis/connect.ts';
import { Inquiry } from '../redis/inquiry.ts';
import type { Identity, ReplicaView } from '../redis/inquiry-messages.ts';
import { RedisBus } from '../redis/redis-bus.ts';
import { type ChangeOutcome, RedisStore } from '../redis/redis-store.ts';
import { type StoredView, storedView } from '../redis/stored-view.ts';
import { connectRedis, type RedisConnections } from './compose-redis.ts';
import { skewLog, unreadableLog } from './core-logs.ts';

export interface ServerDeps {
  /** Its topology is `single`: the address of this server. */
  readonly config: Config;
  readonly log: Logger;
  readonly counters: Counters;
  readonly identity: Identity;
  /** Returns what this replica knows about a key. */
  readonly view: (key: string) => ReplicaView;
  readonly ttls: TtlTable;
  readonly openRedis?: OpenRedis | undefined;
  /** The clock of this server. */
  readonly clock: ServiceClock;
  /** The clock of the service. It is the clock of this server, unless the server is one of several. */
  readonly serviceClock: Clock;
  readonly events: ServerEvents;
  /** For a master of a Cluster. */
  readonly shard?: ServerShard | undefined;
}

export interface ServerEvents {
  /** Redis may accept pending writes now. */
  readonly usable: () => void;
  /** The clock of the server was stepped by `ms`. */
  readonly stepped: (ms: number) => void;
  /** The clock of the server was read. */
  readonly sampled?: (sample: ClockSample | undefined) => void;
}

export interface ServerShard {
  readonly slotOf: (key: string) => number;
  /** Returns the hash tag of a slot that the master owns; undefined while it owns no slot. */
  readonly tag: () => string | undefined;
  readonly owns: (key: string) => boolean;
  readonly onMoved: (removal: Removal) => (error: unknown) => Promise<ChangeOutcome>;
}

export interface Server {
  readonly redis: RedisConnections;
  readonly breaker: Breaker;
  readonly store: RedisStore;
  readonly clock: ServiceClock;
  /** Whether commands can be sent: the data connection is up, and the clock of the server is known. */
  readonly ready: boolean;
  readonly state: CoherenceState;
  /** Asks the other replicas; undefined with ENABLE_PUBSUB=false. */
  readonly inquiry: Inquiry | undefined;
  /** Reads what the server has for a key. */
  readonly stored: (key: string) => Promise<StoredView>;
  /** Resolves when the server was ready for the first time. */
  readonly clockSet: Promise<void>;
  /** Reports the changes of this server to the listener from now on. Called once. */
  readonly follow: (listener: BusListener) => void;
  /** Resolves when the link has reported every change that Redis made before this call; at once without a link. */
  readonly linkCaughtUp: () => Promise<void>;
  /** Stops the link. The other connections stay open. */
  readonly unfollow: () => void;
  readonly close: () => void;
}

/** Starts to connect, without waiting for Redis. */
export function openServer(deps: ServerDeps): Server {
  const { config, log, counters, clock, events } = deps;
  const redis = connectRedis(config, counters, log, deps.openRedis)!;
  const breaker = composeBreaker(config, redis, log, () => {
    judge();
    if (!breaker.open) events.usable();
  });
  const store = openStore(deps, redis, breaker);
  const usable = () => redis.data.status === 'ready' && clock.synced && !breaker.open;
  let bus: RedisBus | undefined;
  let listener: BusListener | undefined;
  // The state if no link exists.
  let state: CoherenceState = 'blind';
  const judge = () => {
    if (bus !== undefined) return bus.updateState();
    const now = usable() ? 'off' : 'blind';
    if (now === state) return;
    state = now;
    listener?.stateChanged(now);
  };
  const inquiry = redis.link && openInquiry(deps, { ...redis, link: redis.link });
  const logSkew = skewLog(log, clock);
  const clockSet = Promise.withResolvers<void>();
  const stopClockSync = syncClock(redis.data, clock, {
    synced: () => {
      clockSet.resolve();
      breaker.probeNow();
      judge();
      events.usable();
    },
    stepped: events.stepped,
    refused: (error) =>
      log.warn({ error: error.message }, 'Redis rejected TIME; synchronise the clocks of all replicas'),
    sampled: (sample) => {
      logSkew();
      events.sampled?.(sample);
    },
  });
  return {
    redis,
    breaker,
    store,
    clock,
    get ready() {
      return redis.data.status === 'ready' && clock.synced;
    },
    get state() {
      return bus?.state ?? state;
    },
    inquiry,
    stored: (key) => readStored(deps, redis, breaker, key),
    clockSet: clockSet.promise,
    follow: (to) => {
      listener = to;
      bus = redis.link && openBus(deps, { ...redis, link: redis.link }, to, usable);
      redis.data.on('close', judge);
      if (bus === undefined) to.stateChanged(state);
      judge();
    },
    linkCaughtUp: async () => bus?.caughtUp(),
    unfollow: () => {
      stopClockSync();
      // Without listeners, because a link that is closed on purpose must not be logged as lost.
      redis.link?.removeAllListeners('close');
      bus?.close();
    },
    close: () => {
      stopClockSync();
      breaker.stop();
      bus?.close();
      redis.close();
    },
  };
}

function openStore(deps: ServerDeps, redis: RedisConnections, breaker: Breaker): RedisStore {
  const { config, log, counters, identity, ttls, clock, serviceClock, shard } = deps;
  const { keyPrefix, compressionThresholdBytes } = config.store;
  return new RedisStore(
    {
      keyPrefix,
      compressionThresholdBytes,
      maxValueBytes: config.limits.maxValueBytes,
      commandTimeoutMs: config.redis!.commandTimeoutMs,
      ttls,
      channel: config.pubsub.enabled ? config.pubsub.channel : undefined,
      origin: identity.replica,
      db: config.redis!.db,
      minReplicasAck: config.redis!.minReplicasAck,
      shard: shard && { slotOf: shard.slotOf, tag: () => shard.tag() ?? '' },
    },
    {
      data: redis.data,
      writer: redis.writer,
      admin: redis.admin,
      bulk: redis.bulk,
      counters,
      limits: redis.limits,
      clock: serviceClock === clock ? clock : clockFor(clock, serviceClock),
      breaker,
      sharded: shard !== undefined,
      onReadonly: redis.refusedAsReplica,
      onUnreadable: unreadableLog(log),
      onMoved: shard?.onMoved,
    },
  );
}

/** Deadlines of commands are in the time of their server, and lifetimes in the time of the service. */
function clockFor(
  server: ServiceClock,
  service: Clock,
): ConstructorParameters<typeof RedisStore>[1]['clock'] {
  return {
    get now() {
      return service.now;
    },
    get reached() {
      return server.reached;
    },
    get synced() {
      return server.synced;
    },
    doubt: () => server.doubt(),
  };
}

type Linked = RedisConnections & { readonly link: NonNullable<RedisConnections['link']> };

function openInquiry(
  { config, counters, identity, view, shard }: ServerDeps,
  { link, data }: Linked,
): Inquiry {
  return new Inquiry(
    {
      identity,
      channel: config.pubsub.channel,
      db: config.redis!.db,
      maxKeyBytes: config.limits.maxKeyBytes,
      tag: shard?.tag,
    },
    { link, data, counters, view },
  );
}

async function readStored(
  { config, counters, ttls, serviceClock }: ServerDeps,
  { admin }: RedisConnections,
  breaker: Breaker,
  key: string,
): Promise<StoredView> {
  if (breaker.open) return { state: 'unknown', fault: 'circuit breaker open: Redis is not used' };
  const { keyPrefix, compressionThresholdBytes } = config.store;
  const limits = { compressionThresholdBytes, maxValueBytes: config.limits.maxValueBytes };
  return storedView({ redis: admin, counters, keyPrefix, limits, ttls, now: () => serviceClock.now }, key);
}

function openBus(
  { config, log, counters, identity, shard }: ServerDeps,
  redis: Linked,
  listener: BusListener,
  usable: () => boolean,
): RedisBus {
  const { channel, heartbeatIntervalMs, heartbeatTimeoutMs } = config.pubsub;
  return new RedisBus(
    {
      keyPrefix: config.store.keyPrefix,
      channel,
      origin: identity.replica,
      db: config.redis!.db,
      maxKeyBytes: config.limits.maxKeyBytes,
      heartbeatIntervalMs,
      heartbeatTimeoutMs,
      shard,
    },
    {
      link: redis.link,
      data: redis.data,
      counters,
      listener,
      usable,
      onMalformed: (from, message) =>
        log.warn({ origin: from, message }, 'malformed message on the invalidation channel, ignored'),
      onArmed: redis.linkArmed,
      onArmFault: redis.linkRefused,
    },
  );
}

/** @param onChange called when it opens or closes */
function composeBreaker(
  config: Config,
  { data }: RedisConnections,
  log: Logger,
  onChange: () => void,
): Breaker {
  return new Breaker(
    { failures: config.faults.breakerFailures, timeoutMs: config.redis!.commandTimeoutMs },
    {
      probe: () => data.ping(),
      onChange: (open) => {
        if (open) log.error('circuit breaker open: Redis is not used until a probe succeeds in time');
        else log.info('circuit breaker closed: Redis answers in time again');
        onChange();
      },
    },
  );
}
