/** Runs a plan in virtual time and returns the outcome to check. */
import { deleteMany, getMany, setMany } from '../../src/cache/batch.ts';
import { lesserState } from '../../src/cache/bus.ts';
import type { Condition } from '../../src/cache/condition.ts';
import { restartEpoch, type Value } from '../../src/cache/entry.ts';
import type { Loaded } from '../../src/cache/loaded.ts';
import { EVERYTHING, type Match, matcher } from '../../src/cache/match.ts';
import type { ItemResult } from '../../src/cache/results.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { ServiceError } from '../../src/errors.ts';
import { loadedStatus } from '../../src/http/cache-status.ts';
import { typeIndex } from '../../src/key.ts';
import type { Core } from '../../src/service/compose.ts';
import { RULES } from './dependents.ts';
import type { History } from './history.ts';
import { MASTERS, ModelCluster } from './model-cluster.ts';
import { type Command, ModelRedis } from './model-redis.ts';
import { hostAt, ModelSentinels, SENTINEL_NAME, SENTINELS, SERVERS, type Split } from './model-sentinel.ts';
import type { Path } from './network.ts';
import type { Plan, Request, Topology, Trouble } from './plan.ts';
import type { Coherence, Operation, Read } from './records.ts';
import { Replica, Stamps } from './replica.ts';
import { RequestSocket, SocketClient } from './socket-client.ts';
import { World } from './world.ts';

const MAX_KEY_BYTES = 512;
const PREFIX = 'p:';
/** How long the recovery may take after the last fault has ended. */
const RECOVERY_MS = 60_000;
/** Longer than HEARTBEAT_TIMEOUT_MS, so that a late heartbeat is detected. */
const BEAT_MS = 1500;
/**
 * How long the ACL still forbids keys after all other faults have ended. Longer than an interrupted deletion by match
 * holds other replicas back, and longer than the pause between two replays.
 */
const DENIED_MS = 7000;
/** Longer than the pause between two replays. */
const RETRY_MS = 1500;
/** How long all replicas must have been healthy, so that no message is in transit. */
const CALM_MS = 2500;

const ENV: Readonly<Record<Topology, Record<string, string>>> = {
  single: { REDIS_HOST: 'redis', REDIS_PORT: '6379' },
  cluster: {
    REDIS_CLUSTER_NODES: Array.from({ length: MASTERS }, (_, i) => `${hostAt(i)}:6379`).join(','),
  },
  sentinel: {
    REDIS_SENTINELS: Array.from({ length: SENTINELS }, (_, i) => `${hostAt(SERVERS + i)}:6379`).join(','),
    REDIS_SENTINEL_NAME: SENTINEL_NAME,
  },
};
const BASE_ENV = {
  REDIS_PASSWORD: '',
  KEY_PREFIX: PREFIX,
  OVERLOAD_LOOP_DELAY_MS: '0',
  LOCAL_CACHE_MAX_SIZE: '100',
  COMPRESSION_THRESHOLD_BYTES: '0',
  DEPENDENCIES: RULES,
};
const CONFIGS: readonly Record<string, string>[] = [
  {},
  { LOCAL_CACHE_TTL: '1' },
  { LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS: '1', BREAKER_FAILURES: '2' },
  { LOCAL_CACHE_MAX_SIZE: '2', PENDING_WRITES_MAX_ENTRIES: '2' },
  { ENABLE_LOCAL_CACHE: 'false' },
  { CACHE_REWARM_ON_DATA_LOSS: 'true' },
];
const FEWEST_CONNECTIONS = 1;

/** Without and with REDIS_MIN_REPLICAS_ACK. */
const CONFIG_OF: Readonly<Record<Topology, readonly (readonly Config[])[]>> = {
  single: ['0'].map((acks) => configsOf('single', acks)),
  cluster: ['0', '1'].map((acks) => configsOf('cluster', acks)),
  sentinel: ['0', '1'].map((acks) => configsOf('sentinel', acks)),
};

function configsOf(topology: Topology, acks: string): Config[] {
  const base = { ...BASE_ENV, ...ENV[topology], REDIS_MIN_REPLICAS_ACK: acks };
  // Writes that wait for a replica need a connection of their own.
  const fewest = { REDIS_MAX_CONNECTIONS: acks === '0' ? '2' : '3' };
  return CONFIGS.map((env, i) => {
    const more = i === FEWEST_CONNECTIONS ? fewest : {};
    return loadConfig({ ...base, ...env, ...more }, { standalone: false }).config;
  });
}

/** Data of Redis that was lost: all keys, or those of one master. */
export interface Loss {
  readonly at: number;
  readonly covers: (key: string) => boolean;
}

export interface Outcome {
  readonly plan: Plan;
  readonly redis: { readonly history: History };
  readonly operations: readonly Operation[];
  readonly reads: readonly Read[];
  readonly sockets: readonly SocketClient[];
  readonly replicas: readonly Replica[];
  readonly coherence: readonly Coherence[];
  readonly faults: readonly unknown[];
  /** The faults that remain after the recovery. */
  readonly unsettled: readonly string[];
  /** When the data of Redis was lost. */
  readonly losses: readonly Loss[];
  readonly splits: readonly Split[];
  /** Times at which a replica reported itself coherent while its circuit breaker was open. */
  readonly hidden: readonly (readonly [at: number, replica: number])[];
  /** A log of the run for the reader of a report. */
  readonly events: readonly string[];
  readonly endedAt: number;
  readonly steps: number;
}

/** Deliberate defects that do not replace a method of the service. */
export interface Defects {
  readonly tamper?: (connection: string, command: Command) => Command;
  /** Redis does not cut stamps that are ahead of its clock. */
  readonly uncapped?: boolean;
  /** The messages of Sentinels are ignored. */
  readonly deaf?: boolean;
}

export function simulate(plan: Plan, defects: Defects = {}): Outcome {
  const world = new World(plan.seed);
  const restore = world.install();
  try {
    // All simulated processes share the epoch of this process.
    restartEpoch();
    return new Run(world, plan, defects).go();
  } finally {
    restore();
    restartEpoch();
  }
}

class Run {
  readonly #world: World;
  readonly #plan: Plan;
  /** The only server, or the first master. */
  readonly #redis: ModelRedis;
  readonly #cluster: ModelCluster | undefined;
  readonly #sentinels: ModelSentinels | undefined;
  readonly #servers: readonly ModelRedis[];
  readonly #stamps = new Stamps();
  readonly #replicas: Replica[];
  readonly #sockets: SocketClient[];
  readonly #operations: Operation[] = [];
  readonly #reads: Read[] = [];
  readonly #coherence: [number, string][][];
  readonly #events: string[] = [];
  readonly #losses: Loss[] = [];
  readonly #askers = new Map<string, RequestSocket>();
  readonly #lastMatch = new Map<string, number>();
  readonly #known = new Map<string, string>();
  readonly #hidden: [number, number][] = [];
  #foreign = 0;
  #swapAgainAt = 0;

  constructor(world: World, plan: Plan, { tamper, uncapped = false, deaf = false }: Defects) {
    this.#world = world;
    this.#plan = plan;
    const operationOf = (stamp: string, origin: string) =>
      stamp === '' ? this.#lastMatch.get(origin) : this.#stamps.operationOf(stamp);
    const open = (place: number, history: History) =>
      new ModelRedis(world, PREFIX, operationOf, history, `redis${place}`);
    this.#cluster = plan.topology === 'cluster' ? new ModelCluster(world, open) : undefined;
    this.#sentinels = plan.topology === 'sentinel' ? new ModelSentinels(world, open) : undefined;
    const servers = this.#cluster?.nodes.map(({ redis }) => redis) ??
      this.#sentinels?.all ?? [new ModelRedis(world, PREFIX, operationOf)];
    this.#servers = servers;
    this.#redis = servers[0]!;
    for (const [place, redis] of servers.entries()) {
      redis.uncapped = uncapped;
      redis.clockOffset = plan.serverClocks[place] ?? 0;
    }
    const config = CONFIG_OF[plan.topology][plan.acks ? 1 : 0]![plan.config]!;
    const onSwitch = (origin: string, message: string) => this.#sentinels?.notified(origin, message);
    this.#replicas = plan.clocks.map(
      ([offset, drift], i) =>
        new Replica(i, { world, servers, config, tamper, onSwitch, deaf }, offset, drift),
    );
    this.#coherence = this.#replicas.map(() => []);
    const addressOf = (replica: number) => Math.floor(replica / (plan.processes ?? 1));
    this.#sockets = plan.sockets.map((each) => {
      const processes = this.#replicas.filter(({ index }) => addressOf(index) === addressOf(each.replica));
      return new SocketClient(world, processes, each);
    });
  }

  go(): Outcome {
    const uninstall = this.#stamps.install();
    try {
      this.#begin();
      this.#world.run(this.#plan.endsAt);
      this.#heal();
      const held = this.#whileDenied();
      for (const { faults } of this.#servers) faults.denied = undefined;
      const unsettled = [...held, ...this.#recover()];
      return {
        plan: this.#plan,
        redis: this.#redis,
        operations: this.#operations,
        reads: this.#reads,
        sockets: this.#sockets,
        replicas: this.#replicas,
        coherence: this.#coherence,
        faults: this.#world.faults,
        unsettled,
        losses: this.#losses,
        splits: this.#sentinels?.splits ?? [],
        hidden: this.#hidden,
        events: this.#events,
        endedAt: this.#world.now,
        steps: this.#world.steps,
      };
    } finally {
      uninstall();
    }
  }

  #begin(): void {
    for (const replica of this.#replicas) this.#start(replica);
    for (const step of this.#plan.steps) {
      if ('trouble' in step) this.#world.at(step.at, undefined, () => this.#trouble(step.trouble));
      else
        this.#world.at(step.at, undefined, () => {
          const replica = this.#replicas[step.replica]!;
          // An event of the process, so that the clocks of the process apply.
          if (replica.alive)
            this.#world.after(0, replica.process, () => this.#request(replica, step.request));
        });
    }
  }

  #start(replica: Replica): void {
    replica.start();
    const { cache } = replica.core!;
    const timeline = this.#coherence[replica.index]!;
    timeline.push([this.#world.now, 'blind']);
    const follow = cache.stateChanged.bind(cache);
    cache.stateChanged = (state, source) => {
      this.#note(`${replica.name} is ${state}${source?.name === undefined ? '' : ` at ${source.name}`}`);
      follow(state, source);
      timeline.push([this.#world.now, cache.coherence]);
    };
    const assign = cache.assignSlots.bind(cache);
    cache.assignSlots = (source, slots) => {
      this.#note(`${replica.name} assigns ${slots.size} slots to ${source.name}, ${source.state}`);
      assign(source, slots);
      timeline.push([this.#world.now, cache.coherence]);
    };
    for (const socket of this.#sockets)
      if (socket.mayConnectTo(replica)) this.#world.after(50, replica.process, () => socket.connect());
  }

  #note(text: string): void {
    this.#events.push(`${this.#world.now.toFixed(3)} ${text}`);
  }

  #request(replica: Replica, request: Request): void {
    const core = replica.core!;
    switch (request.op) {
      case 'get':
        return this.#get(replica, core, request.key, 'get');
      case 'socket-get':
        return this.#socketGet(replica, request.key);
      case 'mget':
        return this.#mget(replica, core, request.keys);
      case 'put':
        return this.#put(replica, core, request);
      case 'delete': {
        const condition: Condition | undefined =
          request.condition === undefined ? undefined : { is: 'if-exists' };
        const operation = this.#operation(replica, 'delete', request.key, condition !== undefined);
        return this.#answer([operation], () => core.cache.delete(request.key, condition));
      }
      case 'mset': {
        const operations = request.keys.map((key) => this.#operation(replica, 'put', key, false));
        const assignments = operations.map(({ key, value }) => ({
          key: key!,
          value: valueFrom(value!),
          ttlMs: undefined,
        }));
        return this.#answer(operations, () => setMany(core.cache, assignments, MAX_KEY_BYTES));
      }
      case 'mdelete': {
        const operations = request.keys.map((key) => this.#operation(replica, 'delete', key, false));
        return this.#answer(operations, () => deleteMany(core.cache, request.keys, MAX_KEY_BYTES));
      }
      case 'invalidate': {
        const match: Match =
          request.type === undefined ? { pattern: request.pattern! } : { type: typeIndex(request.type)! };
        return this.#invalidate(replica, core, match);
      }
      case 'flush':
        core.cache.forgetAll();
        return this.#invalidate(replica, core, EVERYTHING);
    }
  }

  #invalidate(replica: Replica, core: Core, match: Match): void {
    const operation = this.#operation(replica, 'invalidate', undefined, false, undefined, matcher(match));
    this.#lastMatch.set(replica.origin, operation.id);
    this.#note(`  #${operation.id} matches ${JSON.stringify(match)}`);
    this.#answer([operation], async () => {
      const count = await core.cache.invalidate(match);
      return { status: count === undefined ? 'accepted' : 'deleted' };
    });
  }

  #put(replica: Replica, core: Core, request: Extract<Request, { op: 'put' }>): void {
    const { key, ttlMs } = request;
    const known = this.#known.get(`${replica.name} ${key}`);
    const condition: Condition | undefined =
      request.condition === 'if-version'
        ? known === undefined
          ? { is: 'if-absent' }
          : { is: 'if-version', versions: [known] }
        : request.condition && { is: request.condition };
    const operation = this.#operation(replica, 'put', key, condition !== undefined, ttlMs);
    this.#answer([operation], async () => {
      const outcome = await core.cache.set(key, valueFrom(operation.value!), ttlMs, condition);
      if (outcome.version !== undefined) this.#known.set(`${replica.name} ${key}`, outcome.version);
      return outcome;
    });
  }

  #operation(
    replica: Replica,
    kind: Operation['kind'],
    key: string | undefined,
    conditional: boolean,
    ttlMs?: number,
    covers: (key: string) => boolean = (other) => other === key,
  ): Operation {
    const id = this.#operations.length;
    const operation: Operation = {
      id,
      kind,
      key,
      covers,
      replica: replica.index,
      incarnation: replica.incarnation,
      sent: this.#world.now,
      answered: undefined,
      outcome: undefined,
      value: kind === 'put' ? `{"by":${id}}` : undefined,
      ttlMs,
      conditional,
    };
    this.#operations.push(operation);
    const more = `${conditional ? ' on a condition' : ''}${ttlMs === undefined ? '' : ` for ${ttlMs} ms`}`;
    this.#note(`${replica.name} #${id} ${kind} ${key ?? ''}${more}`);
    return operation;
  }

  #answer(
    operations: readonly Operation[],
    run: () => Promise<{ readonly status: string } | readonly ItemResult[]>,
  ): void {
    const settle = (outcomes: readonly string[]) => {
      operations.forEach((operation, i) => {
        operation.answered = this.#world.now;
        operation.outcome = outcomes[i]!;
        this.#note(`r${operation.replica} #${operation.id} is answered ${outcomes[i]}`);
      });
    };
    const ids = operations.map(({ id }) => id);
    this.#stamps.during(ids, run).then(
      (outcome) => settle('status' in outcome ? [outcome.status] : outcome.map(statusOf)),
      (error) => {
        if (!(error instanceof ServiceError)) throw error;
        settle(operations.map(() => error.code));
      },
    );
  }

  #get(replica: Replica, core: Core, key: string, kind: Read['kind']): void {
    const read = this.#reader(replica, key, kind);
    const { cache, clock } = core;
    const entry = cache.peek(key);
    if (entry !== undefined) return read(String(entry.json), undefined);
    void cache.load(key).then((loaded: Loaded) => {
      const status = loadedStatus(loaded, cache, clock.now);
      const mark = /(coherence=\w+|detail=[\w-]+)/.exec(status)?.[1];
      read(loaded.entry && String(loaded.entry.json), mark);
    });
  }

  #mget(replica: Replica, core: Core, keys: readonly string[]): void {
    const reads = keys.map((key) => this.#reader(replica, key, 'mget'));
    const answer = (results: readonly ItemResult[]) => {
      const coherence = lesserState(core.cache.coherence);
      results.forEach((result, i) => {
        const mark = coherence ?? ('code' in result ? result.code : undefined);
        reads[i]!(result.status === 'hit' ? String(result.entry.json) : undefined, mark);
      });
    };
    const results = getMany(core.cache, keys, MAX_KEY_BYTES);
    if (Array.isArray(results)) answer(results);
    else void results.then(answer);
  }

  #socketGet(replica: Replica, key: string): void {
    const name = `${replica.index} ${replica.incarnation}`;
    const asker = this.#askers.get(name) ?? new RequestSocket(this.#world, replica);
    this.#askers.set(name, asker);
    const read = this.#reader(replica, key, 'socket-get');
    asker.ask({ op: 'get', key }, ({ ok, value, code, coherence, status }) => {
      if (ok === true) read(status === 'hit' ? JSON.stringify(value) : undefined, coherence ?? code);
    });
  }

  #reader(
    replica: Replica,
    key: string,
    kind: Read['kind'],
  ): (value: string | undefined, mark: string | undefined) => void {
    const start = this.#world.now;
    const before = replica.losses;
    const { incarnation, index } = replica;
    return (value, mark) => {
      const end = this.#world.now;
      const { cache, redis } = replica.core!;
      const opened = redis!.servers().some(({ server }) => server.breaker.open);
      if (opened && cache.coherence === 'coherent') this.#hidden.push([end, index]);
      this.#reads.push({
        kind,
        replica: index,
        incarnation,
        key,
        start,
        end,
        value,
        mark,
        losses: [before, replica.losses],
      });
      this.#note(
        `${replica.name} ${kind} ${key} since ${start.toFixed(3)}: ${value ?? 'nothing'} ${mark ?? ''}`,
      );
    };
  }

  #trouble(trouble: Trouble): void {
    const world = this.#world;
    const cluster = this.#cluster;
    const sentinels = this.#sentinels;
    const group = cluster ?? sentinels;
    const redis = sentinels?.serverOf() ?? this.#servers['node' in trouble ? (trouble.node ?? 0) : 0]!;
    const lost = (covers: Loss['covers']) => {
      this.#losses.push({ at: world.now, covers: (key) => covers(PREFIX + key) });
    };
    const serverOf = (key: string) => (cluster === undefined ? redis : cluster.serverOf(PREFIX + key));
    const everything = () => lost(() => true);
    const all = this.#servers;
    this.#note(`! ${JSON.stringify(trouble)}`);
    const later = (ms: number, run: () => void) => world.after(ms, undefined, run);
    const replica = 'replica' in trouble ? this.#replicas[trouble.replica]! : undefined;
    switch (trouble.kind) {
      case 'slow': {
        const paths = pathsTo(replica!, trouble.node);
        for (const path of paths) {
          path.extraMs = trouble.extraMs;
          path.jitterMs = trouble.extraMs / 4;
        }
        return void later(trouble.ms, () => {
          for (const path of paths) {
            path.extraMs = 0;
            path.jitterMs = 0;
          }
        });
      }
      case 'partition': {
        const paths = pathsTo(replica!, trouble.node);
        for (const path of paths) path.block(trouble.ways !== 'down', trouble.ways !== 'up');
        return void later(trouble.ms, () => {
          for (const path of paths) path.block(false, false);
        });
      }
      case 'cut':
        return replica!.client(trouble.connection, trouble.node)?.cut();
      case 'half-open':
        return replica!.client(trouble.connection, trouble.node)?.halfOpen();
      case 'hand-over':
        if (sentinels !== undefined) return sentinels.handOver(everything);
        return cluster!.handOver(trouble.node);
      case 'kill':
        if (sentinels !== undefined) return sentinels.kill(trouble.behindMs, trouble.ms, everything);
        return cluster!.kill(trouble.node, trouble.behindMs, trouble.ms, lost);
      case 'cut-off':
        if (sentinels !== undefined) return sentinels.cutOff(trouble.ms, everything);
        return cluster!.cutOff(trouble.node, trouble.ms, lost);
      case 'move': {
        const keys = trouble.keys.map((key) => PREFIX + key);
        return cluster!.move(keys, trouble.node, trouble.ms);
      }
      case 'freeze':
        if (sentinels !== undefined) return sentinels.freeze(trouble.ms);
        if (cluster !== undefined) return cluster.freeze(trouble.node!, trouble.ms);
        redis.freeze(true);
        return void later(trouble.ms, () => redis.freeze(false));
      case 'restart-redis':
        if (sentinels !== undefined) return sentinels.restart(trouble.ms, trouble.keep, everything);
        if (cluster !== undefined) return cluster.restart(trouble.node!, trouble.ms, trouble.keep, lost);
        if (!redis.up) return;
        redis.stop();
        return void later(trouble.ms, () => this.#startRedis(trouble.keep));
      case 'restart-replica':
        if (!replica!.alive) return;
        replica!.kill();
        for (const socket of this.#sockets) if (socket.replica === replica) socket.lost();
        return void later(trouble.ms, () => {
          if (!replica!.alive) this.#start(replica!);
        });
      case 'deny':
        for (const { faults } of all) faults.denied = trouble.prefix;
        return void later(trouble.ms, () => {
          for (const { faults } of all) faults.denied = undefined;
        });
      case 'full':
        redis.faults.full = true;
        return void later(trouble.ms, () => {
          redis.faults.full = false;
        });
      case 'read-only':
        redis.faults.replica = true;
        return void later(trouble.ms, () => {
          redis.faults.replica = false;
        });
      case 'clock-jump':
        return replica!.jump(trouble.byMs);
      case 'slow-socket': {
        const socket = this.#sockets[trouble.socket];
        const of = socket?.replica;
        if (socket === undefined || !of!.alive) return;
        socket.slow(true);
        return void world.after(trouble.ms, of!.process, () => socket.slow(false));
      }
      case 'subscribe-again': {
        const socket = this.#sockets[trouble.socket];
        const of = socket?.replica;
        if (of?.alive) world.after(0, of.process, () => socket!.resubscribe());
        return;
      }
      case 'foreign-set':
        return serverOf(trouble.key)?.foreign([
          { name: 'SET', args: [PREFIX + trouble.key, `"foreign ${this.#foreign++}"`] },
        ]);
      case 'foreign-legacy': {
        const text = JSON.stringify({
          value: `legacy ${this.#foreign++}`,
          timestamp: Date.now() / 1000,
          source: 'x',
        });
        return serverOf(trouble.key)?.foreign([
          { name: 'SET', args: [PREFIX + trouble.key, text, 'PX', 60_000] },
        ]);
      }
      case 'foreign-delete':
        return serverOf(trouble.key)?.foreign([{ name: 'DEL', args: [PREFIX + trouble.key] }]);
      case 'foreign-expire':
        return serverOf(trouble.key)?.foreign([{ name: 'PEXPIRE', args: [PREFIX + trouble.key, 150] }]);
      case 'announce':
        for (const each of all)
          each.foreign([{ name: 'PUBLISH', args: ['cache_invalidation', trouble.message] }]);
        return;
      case 'deny-link':
        for (const { faults } of all) faults.deniedTracking = true;
        return void later(trouble.ms, () => {
          for (const { faults } of all) faults.deniedTracking = false;
        });
      case 'flush-all':
        for (const each of group?.masters.map((node) => node.redis) ?? [redis])
          each.foreign([{ name: 'FLUSHALL', args: [] }]);
        return;
      case 'flush-other':
        return redis.foreign([{ name: 'FLUSHDB', args: [1] }]);
      case 'swap':
        // Two swaps within a heartbeat leave the canary unchanged and are not detected: docs/coherence.md.
        if (world.now < this.#swapAgainAt) return;
        this.#swapAgainAt = world.now + BEAT_MS;
        return redis.foreign([{ name: 'SWAPDB', args: [0, 1] }]);
    }
  }

  #startRedis(keep: boolean): void {
    if (this.#redis.up) return;
    if (!keep) this.#losses.push({ at: this.#world.now, covers: () => true });
    this.#redis.start(keep);
    this.#note('Redis is up');
  }

  #heal(): void {
    this.#note('! everything heals');
    for (const { faults } of this.#servers) {
      faults.full = false;
      faults.replica = false;
      faults.deniedTracking = false;
    }
    // A change of several servers ends later.
    if (this.#cluster === undefined && this.#sentinels === undefined) {
      this.#startRedis(true);
      this.#redis.freeze(false);
    }
    for (const socket of this.#sockets) socket.slow(false);
    for (const replica of this.#replicas) {
      for (const path of replica.paths) {
        path.extraMs = 0;
        path.jitterMs = 0;
        path.block(false, false);
      }
      if (!replica.alive) this.#start(replica);
    }
  }

  /** Reliability 3: a refused change does not hold up other changes. Returns held-up changes while the ACL forbids keys. */
  #whileDenied(): string[] {
    const { denied } = this.#redis.faults;
    if (denied === undefined || denied === '') return [];
    this.#world.run(this.#world.now + DENIED_MS);
    const held: string[] = [];
    for (const { name, index, core } of this.#replicas) {
      const since = this.#coherence[index]!.at(-1)![0];
      // A replica that has just reconnected to Redis has to replay first.
      if (core?.cache.coherence !== 'coherent' || since > this.#world.now - RETRY_MS) continue;
      for (const { key } of core.cache.pendingWrites?.pending() ?? [])
        if (!key.startsWith(denied)) held.push(`${name} holds back ${key}, which Redis would accept`);
      for (const { match } of core.cache.pendingWrites?.matches() ?? []) {
        const matches = matcher(match);
        if (this.#plan.keys.some((key) => key.startsWith(denied) && matches(key))) continue;
        held.push(`${name} holds back the deletion of ${JSON.stringify(match)}, which Redis would accept`);
      }
    }
    return held;
  }

  /** Waits until all replicas are healthy. Returns the faults that remain. */
  #recover(): string[] {
    const world = this.#world;
    const deadline = world.now + RECOVERY_MS;
    let faults: string[];
    do {
      world.run(world.now + 100);
      faults = this.#unwell();
      if (faults.length > 0) continue;
      // A half-open connection is detected only after some time.
      world.run(world.now + CALM_MS);
      faults = this.#unwell();
    } while (faults.length > 0 && world.now < deadline);
    for (const replica of this.#replicas)
      for (const key of this.#plan.keys)
        world.after(0, replica.process, () => this.#get(replica, replica.core!, key, 'last'));
    world.run(world.now + 50);
    return faults;
  }

  #unwell(): string[] {
    const faults: string[] = [];
    if ((this.#cluster ?? this.#sentinels)?.busy) faults.push('the servers are changing');
    for (const { name, core } of this.#replicas) {
      if (core === undefined) continue;
      if (core.cache.coherence !== 'coherent') faults.push(`${name} is ${core.cache.coherence}`);
      if (core.redis!.servers().some(({ server }) => server.breaker.open))
        faults.push(`the circuit breaker of ${name} is open`);
      const waiting = core.cache.pendingWrites?.size ?? 0;
      if (waiting > 0) faults.push(`${name} has ${waiting} pending writes`);
    }
    this.#sockets.forEach(({ current }, i) => {
      if (!current) faults.push(`socket ${i} has no snapshot`);
    });
    for (const { id, answered, replica, incarnation } of this.#operations)
      if (answered === undefined && this.#replicas[replica]!.incarnation === incarnation)
        faults.push(`#${id} has no answer`);
    return faults;
  }
}

function pathsTo({ paths }: Replica, node: number | undefined): readonly Path[] {
  return node === undefined ? paths : [paths[node]!];
}

function valueFrom(text: string): Value {
  return { encoding: 'json', body: text as Value['body'] };
}

function statusOf(result: ItemResult): string {
  if ('code' in result && result.code !== undefined) {
    if (result.code === 'l2_unavailable' && result.status !== 'error') return 'accepted';
    if (result.code === 'write_unknown' && result.status !== 'error') return 'unknown';
    return result.code;
  }
  return result.status;
}
