/** Builds the masters of a Redis Cluster, and follows its changes. */
import type { BusListener } from '../cache/bus.ts';
import { ServiceClock } from '../cache/clock.ts';
import { Source } from '../cache/coherence.ts';
import type { Slots } from '../cache/slots.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { type Address, AddressMap, addressOf, hostAndPort } from '../redis/cluster/address.ts';
import { ClusterStore } from '../redis/cluster/cluster-store.ts';
import { matchOnce } from '../redis/cluster/match-once.ts';
import type { Member } from '../redis/cluster/member.ts';
import { Members } from '../redis/cluster/members.ts';
import { clusterSlots } from '../redis/cluster/slots.ts';
import { Topology } from '../redis/cluster/topology.ts';
import { connectOnce, openReal } from '../redis/connect.ts';
import { openServer, type Server, type ServerDeps } from './compose-server.ts';
import { targetOf } from './redis-target.ts';

/** How long a master that left the Cluster keeps its connections, for the commands in flight. */
const RETIRE_MS = 2000;

export type ClusterDeps = Pick<
  ServerDeps,
  'config' | 'log' | 'counters' | 'identity' | 'view' | 'ttls' | 'openRedis'
> & {
  readonly serviceClock: ServiceClock;
};

/** A master with the parts that the service reports on. */
export interface Master {
  readonly address: Address;
  readonly server: Server;
}

export interface Cluster {
  readonly store: ClusterStore;
  readonly slots: Slots;
  /** The masters that own slots. */
  readonly masters: () => Master[];
  /** The master that owns the key; undefined while it is unknown. */
  readonly ownerOf: (key: string) => Master | undefined;
  /** The master that owns a key of Redis, with its prefix; undefined while it is unknown. */
  readonly ownerOfRaw: (rawKey: string) => Master | undefined;
  /** A command was redirected: reads the slots again. */
  readonly suspect: () => void;
  /** Resolves with true when the slots were read for the first time. */
  readonly known: Promise<boolean>;
  /** Reports the changes of all masters to the cache. Called once, before the first master is known. */
  readonly follow: (cache: TwoLevel) => void;
  readonly hurry: () => void;
  readonly close: () => void;
}

/** The connections of the masters log faults of the password file. */
const SEED_DEPS = { open: openReal, onPasswordFault: () => {}, onSwitch: () => {} };

interface Opened extends Member {
  readonly server: Server;
  readonly source: Source;
}

/** Starts to connect, without waiting for the Cluster. */
export function openCluster(deps: ClusterDeps): Cluster {
  const { config, log, serviceClock } = deps;
  const { topology } = config.redis!;
  if (topology.kind !== 'cluster') throw new Error(`the topology is ${topology.kind}`);
  const addresses = new AddressMap(topology.natMap);
  const slots = clusterSlots(config.store.keyPrefix);
  const rawSlots = clusterSlots('');
  let cache: TwoLevel;
  const once = matchOnce();
  let timeSource: Member | undefined;

  const members = new Members({
    open: (address) => openMember(address),
    onAssigned: (member, owned) => {
      cache.assignSlots((member as Opened).source, owned);
      // The owner of slot 0 sets the clock of the service.
      if (owned.has(0)) (member as Opened).server.clock.doubt();
    },
  });

  function openMember(address: Address): Opened {
    const source = new Source(address, 'blind');
    let followed = false;
    const server: Server = openServer({
      ...deps,
      config: serverConfig(config, address),
      log: standbyLog(log.child({ server: address }), () => !followed),
      clock: new ServiceClock(undefined, 0),
      events: {
        usable: () => void cache.replay(),
        stepped: () => {},
        sampled: (sample) => {
          if (members.ownerOf(0) !== member || sample === undefined) return;
          if (timeSource !== member) serviceClock.unsync();
          timeSource = member;
          const stepped = serviceClock.sample(...sample);
          if (stepped !== 0) cache.clockStepped(stepped);
        },
      },
      shard: {
        slotOf: slots.of,
        tag: () => members.tag(address),
        owns: (key) => members.ownerOf(slots.of(key)) === member,
        onMoved: store.onMoved,
      },
    });
    const member: Opened = {
      address,
      server,
      source,
      store: server.store,
      get control() {
        const { admin, data } = server.redis;
        return admin.status === 'ready' ? admin : data;
      },
      get ready() {
        return server.ready;
      },
      get coherent() {
        return followed && (server.state === 'coherent' || server.state === 'off');
      },
      get well() {
        return server.ready && !server.breaker.open && this.coherent;
      },
      follow: () => {
        followed = true;
        server.follow(listenerFor(source));
        // The master may have been replaced.
        server.redis.data.on('close', () => void table.refresh());
        // ioredis emits this event when a slot with a subscribed channel moves.
        server.redis.link?.on('moved', () => table.suspect());
      },
      whenReady: (ms) => Promise.race([server.clockSet, after(ms)]),
      retire: () => {
        log.info(
          { server: address },
          'the node left the Cluster or changed its role; closing its connections',
        );
        server.unfollow();
        setTimeout(() => server.close(), RETIRE_MS).unref();
      },
    };
    return member;
  }

  /** Passes the changes of one master on to the cache. */
  function listenerFor(source: Source): BusListener {
    return {
      keyChanged: (key, announced) => cache.keyChanged(key, announced),
      keysChanged: (changes) => cache.keysChanged(changes),
      matchDeleting: (match, version) => cache.matchDeleting(match, version),
      matchFailed: (version) => cache.matchFailed(version),
      // The deletion is announced on every master.
      matchChanged: (match, reason, version) => {
        if (once(version)) cache.matchChanged(match, reason, version);
      },
      allChanged: (reason, keysLeft) => cache.allChanged(reason, keysLeft, source),
      stateChanged: (state) => cache.stateChanged(state, source),
      qualityChanged: (kind) => cache.qualityChanged(kind),
    };
  }

  let table: Topology;
  let faultReported = false;
  const known = Promise.withResolvers<boolean>();
  const store = new ClusterStore({
    members,
    topology: {
      suspect: () => table.suspect(),
      refresh: () => table.refresh(),
      get reading() {
        return table.reading;
      },
    },
    addresses,
    slotOf: slots.of,
    commandTimeoutMs: config.redis!.commandTimeoutMs,
    onUnreported: (key) => cache.fence(key),
  });
  const opened = () => members.all as Opened[];
  return {
    store,
    slots,
    known: known.promise,
    masters: () => members.masters as Opened[],
    ownerOf: (key) => members.ownerOf(slots.of(key)) as Opened | undefined,
    ownerOfRaw: (rawKey) => members.ownerOf(rawSlots.of(rawKey)) as Opened | undefined,
    suspect: () => table.suspect(),
    follow: (to) => {
      cache = to;
      table = new Topology({
        connected: () => {
          const ready = opened().filter((member) => member.ready);
          const well = ready.filter((member) => member.well);
          return (well.length > 0 ? well : ready).map(({ address, control }) => [address, control] as const);
        },
        openOnce: (address) => {
          const { redis } = serverConfig(config, address);
          return connectOnce(targetOf(redis!, SEED_DEPS).address, 'topology', {
            open: deps.openRedis ?? openReal,
          });
        },
        seeds: topology.nodes.map(addressOf),
        addresses,
        unwell: () => (members.masters as Opened[]).some(({ well }) => !well),
        onTable: (read) => {
          faultReported = false;
          members.apply(read);
          known.resolve(true);
        },
        onFault: (error) => {
          if (!faultReported)
            log.error({ error: error.message }, 'cannot read the slots of the Cluster; retrying');
          faultReported = true;
        },
      });
    },
    hurry: () => {
      for (const { server } of opened()) server.redis.hurry();
      void table.refresh();
    },
    close: () => {
      table.close();
      for (const { server } of opened()) server.close();
    },
  };
}

/** Logs the faults of a replica as information, because nothing uses its connections yet. */
function standbyLog(log: Logger, isStandby: () => boolean): Logger {
  const standby = Object.create(log) as Logger;
  for (const level of ['warn', 'error'] as const)
    standby[level] = (...line: unknown[]) => {
      const write = (isStandby() ? log.info : log[level]) as (...line: unknown[]) => void;
      write.apply(log, line);
    };
  return standby;
}

/** Uses the global timer, which a simulation replaces. */
function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/** The configuration of one master. */
function serverConfig(config: Config, address: Address): Config {
  return { ...config, redis: { ...config.redis!, topology: { kind: 'single', ...hostAndPort(address) } } };
}
