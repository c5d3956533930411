/** The plan of a run, derived from a seed: a list of steps that can be shortened. */
import { below, pick, type Random, seeded } from '../../loadtest/support/random.ts';

import { withDependents } from './dependents.ts';

export type Condition = 'if-version' | 'if-absent' | 'if-exists' | undefined;

/** A request of a client to a replica. */
export type Request =
  | { readonly op: 'get' | 'socket-get'; readonly key: string }
  | { readonly op: 'mget'; readonly keys: readonly string[] }
  | { readonly op: 'put'; readonly key: string; readonly ttlMs?: number; readonly condition?: Condition }
  | { readonly op: 'delete'; readonly key: string; readonly condition?: Condition }
  | { readonly op: 'mset' | 'mdelete'; readonly keys: readonly string[] }
  | { readonly op: 'invalidate'; readonly pattern?: string; readonly type?: string }
  | { readonly op: 'flush' };

/** A change of a Cluster, or of a master with Sentinels. `ms` is its duration at most, until the old master returns. */
export type ClusterChange = 'hand-over' | 'kill' | 'cut-off' | 'move';

/** A fault, or an action of another program. */
export type Trouble =
  /** The path of one replica to Redis is slower by `extraMs` in each direction. */
  | {
      readonly kind: 'slow';
      readonly replica: number;
      readonly ms: number;
      readonly extraMs: number;
      readonly node?: number;
    }
  | {
      readonly kind: 'partition';
      readonly replica: number;
      readonly ms: number;
      readonly ways: 'up' | 'down' | 'both';
      /** The path to one server only. */
      readonly node?: number;
    }
  | {
      readonly kind: 'cut' | 'half-open';
      readonly replica: number;
      readonly connection: string;
      readonly node?: number;
    }
  | { readonly kind: 'freeze'; readonly ms: number; readonly node?: number }
  | { readonly kind: 'restart-redis'; readonly ms: number; readonly keep: boolean; readonly node?: number }
  | {
      readonly kind: ClusterChange;
      readonly ms: number;
      readonly node: number;
      readonly behindMs: number;
      readonly keys: readonly string[];
    }
  | { readonly kind: 'restart-replica'; readonly replica: number; readonly ms: number }
  | { readonly kind: 'deny'; readonly prefix: string; readonly ms: number }
  | { readonly kind: 'full' | 'read-only'; readonly ms: number; readonly node?: number }
  | { readonly kind: 'clock-jump'; readonly replica: number; readonly byMs: number }
  | { readonly kind: 'slow-socket'; readonly socket: number; readonly ms: number }
  | { readonly kind: 'subscribe-again'; readonly socket: number }
  | {
      readonly kind: 'foreign-set' | 'foreign-legacy' | 'foreign-delete' | 'foreign-expire';
      readonly key: string;
    }
  | { readonly kind: 'announce'; readonly message: string }
  | { readonly kind: 'deny-link'; readonly ms: number }
  | { readonly kind: 'flush-all' | 'flush-other' | 'swap' };

export type Step = { readonly at: number } & (
  | { readonly replica: number; readonly request: Request }
  | { readonly trouble: Trouble }
);

export interface SocketPlan {
  readonly replica: number;
  readonly keys: readonly string[];
  readonly types: readonly string[];
  readonly prefixes: readonly string[];
  readonly values: boolean;
  /** Whether the client subscribes again after `reset flush`, which the protocol allows. */
  readonly eager: boolean;
}

export const TOPOLOGIES = ['single', 'cluster', 'sentinel'] as const;
export type Topology = (typeof TOPOLOGIES)[number];

export interface Plan {
  readonly seed: number;
  readonly topology: Topology;
  readonly replicas: number;
  /** How many replicas share one address, as the processes of one service do; 1 if absent. */
  readonly processes?: number;
  readonly keys: readonly string[];
  /** How far each wall clock is ahead at the start, in ms, and how much faster it runs. */
  readonly clocks: readonly (readonly [offsetMs: number, drift: number])[];
  /** The index of the configuration in `simulate.ts`. */
  readonly config: number;
  /** Whether writes wait for a replica: REDIS_MIN_REPLICAS_ACK. */
  readonly acks: boolean;
  /** How far the clock of each server is ahead, in ms. */
  readonly serverClocks: readonly number[];
  readonly sockets: readonly SocketPlan[];
  /** In order of time. */
  readonly steps: readonly Step[];
  /** When all faults end. */
  readonly endsAt: number;
}

/** How far the clocks of the servers differ. A deadline is in the time of one of them. */
export function clockSpread({ serverClocks }: Pick<Plan, 'serverClocks'>): number {
  return Math.max(0, ...serverClocks) - Math.min(0, ...serverClocks);
}

const KEYS = ['borrow_rate:A', 'borrow_rate:B', 'volatility:A', 'min_rate:A', 'desk:A'];
/** A key that no other step writes. */
const QUIET_KEY = 'event_risk:Q';
const TYPES = ['borrow_rate', 'volatility', 'min_rate', 'other'];
/** The number of configurations in `simulate.ts`. */
const CONFIGS = 6;
/** No fault begins earlier, so that the replicas have started. */
const BEGIN = 300;

/** A plan for one server, for a Cluster of three masters with a replica each, or for a master with Sentinels. */
export function planOf(seed: number, topology: Topology = 'single'): Plan {
  const plan = topology === 'single' ? planOfServer(seed) : planOfSeveral(seed, topology);
  // A failover behind Sentinels may lose what an input or a calculation was.
  return topology === 'sentinel' ? plan : withDependents(plan);
}

function planOfServer(seed: number): Plan {
  const random = seeded(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
  const replicas = 2 + below(2, random);
  const keys = KEYS.slice(0, 2 + below(4, random));
  const length = pick([800, 1500, 2500, 4000], random);
  const endsAt = BEGIN + length;
  const skewed = random() < 0.25;
  const clocks = Array.from({ length: replicas }, () => {
    const offset = skewed ? pick([0, -3000, 3000, -3_600_000, 3_600_000], random) : (random() - 0.5) * 20;
    return [Math.round(offset), (random() - 0.5) * 2e-4] as const;
  });
  const sockets = Array.from({ length: below(4, random) }, () => socketOf(random, replicas, keys));
  // Times come in bursts, because races need steps at nearly the same time.
  const bursts = Array.from({ length: 2 + below(6, random) }, () => BEGIN + random() * length);
  const moment = () => {
    const at = random() < 0.7 ? pick(bursts, random) + random() * random() * 60 : BEGIN + random() * length;
    return Math.round(Math.min(at, endsAt) * 8) / 8;
  };
  const steps: Step[] = [];
  const requests = 15 + below(50, random);
  for (let i = 0; i < requests; i++)
    steps.push({ at: moment(), replica: below(replicas, random), request: requestOf(random, keys) });
  const troubles = random() < 0.1 ? 0 : below(6, random);
  for (let i = 0; i < troubles; i++)
    steps.push({ at: moment(), trouble: troubleOf(random, replicas, keys, sockets.length) });
  const theme = random();
  if (theme < 0.12) steps.push(...slowPath(random, replicas, keys, endsAt));
  else if (theme < 0.2) steps.push(...refusals(random, replicas, keys, endsAt));
  else if (theme < 0.25) steps.push(...fullRedis(random, replicas, keys, endsAt, sockets.length));
  else if (theme < 0.29 && length >= 2500) {
    keys.push(QUIET_KEY);
    steps.push(...unreachableRedis(random, replicas));
  }
  steps.sort((a, b) => a.at - b.at);
  return {
    seed,
    topology: 'single',
    replicas,
    keys,
    clocks,
    config: below(CONFIGS, random),
    acks: false,
    serverClocks: [],
    sockets,
    steps,
    endsAt,
  };
}

/** The masters of a Cluster. */
const MASTERS = 3;
const CHANGES = {
  cluster: ['hand-over', 'kill', 'kill', 'cut-off', 'move', 'move'],
  sentinel: ['hand-over', 'kill', 'kill', 'cut-off'],
} as const;

/** The plan of one server with each fault at one of the servers, and with changes of the topology. */
function planOfSeveral(seed: number, topology: 'cluster' | 'sentinel'): Plan {
  const plan = planOfServer(seed);
  const random = seeded(Math.imul(seed, 0x85ebca6b) ^ 0x27d4eb2f);
  const node = () => below(MASTERS, random);
  const change = (): Trouble => ({
    kind: pick(CHANGES[topology], random),
    ms: Math.round(pick([30, 300, 800, 1500, 2500], random) * (0.5 + random())),
    node: node(),
    behindMs: random() < 0.5 ? 0 : Math.round(random() * 300),
    keys: plan.keys.filter(() => random() < 0.5).concat(pick(plan.keys, random)),
  });
  const steps = plan.steps.map((step): Step => {
    if (!('trouble' in step)) return step;
    const { trouble } = step;
    switch (trouble.kind) {
      case 'slow':
      case 'partition':
        return random() < 0.3 ? step : { ...step, trouble: { ...trouble, node: below(2 * MASTERS, random) } };
      case 'cut':
      case 'half-open':
        if (topology === 'cluster') return { ...step, trouble: { ...trouble, node: node() } };
        return random() < 0.7 ? step : { ...step, trouble: { ...trouble, connection: 'sentinel' } };
      case 'freeze':
      case 'restart-redis':
      case 'full':
        return { ...step, trouble: { ...trouble, node: node() } };
      // A replica of a Cluster redirects, and a Cluster has one database.
      case 'read-only':
        return { ...step, trouble: { kind: 'full', ms: trouble.ms, node: node() } };
      case 'flush-other':
      case 'swap':
        return { ...step, trouble: change() };
      default:
        return step;
    }
  });
  const more = below(4, random);
  for (let i = 0; i < more; i++)
    steps.push({ at: BEGIN + random() * (plan.endsAt - BEGIN), trouble: change() });
  steps.sort((a, b) => a.at - b.at);
  const acks = random() < 0.4;
  const serverClocks = Array.from({ length: 2 * MASTERS }, () => Math.round((random() - 0.5) * 80));
  if (random() < 0.2) serverClocks[below(2 * MASTERS, random)] = pick([-2000, -300, 300, 2000], random);
  return { ...plan, topology, steps, acks, serverClocks };
}

/** The round trip of one replica is longer than its time-out, while other replicas write the same key. */
function slowPath(random: Random, replicas: number, keys: readonly string[], endsAt: number): Step[] {
  const replica = below(replicas, random);
  const other = (replica + 1) % replicas;
  const key = pick(keys, random);
  const begin = BEGIN + random() * 300;
  const trouble = { kind: 'slow', replica, ms: endsAt - begin, extraMs: pick([25, 30, 60], random) } as const;
  const steps: Step[] = [{ at: begin, trouble }];
  const writes = begin + 50 + random() * 300;
  for (let i = 0; i < 8; i++) {
    const at = Math.min(endsAt, writes + random() * 150);
    steps.push({ at, replica: random() < 0.6 ? replica : other, request: { op: 'put', key } });
  }
  for (let i = 0; i < 5; i++) {
    const at = writes + random() * (endsAt - writes);
    steps.push({ at, replica, request: { op: pick(['get', 'socket-get'] as const, random), key } });
  }
  return steps;
}

/** The ACL forbids one type until the end, and Redis is frozen for a moment. */
function refusals(random: Random, replicas: number, keys: readonly string[], endsAt: number): Step[] {
  const begin = endsAt - 500 + random() * 200;
  const replica = below(replicas, random);
  const steps: Step[] = [
    { at: begin, replica, request: { op: 'mset', keys } },
    { at: begin + 30, trouble: { kind: 'deny', prefix: 'borrow', ms: 10_000 } },
    { at: begin + 60, trouble: { kind: 'freeze', ms: 150 } },
  ];
  for (let i = 0; i < 4; i++)
    steps.push({ at: begin + 61 + random() * 80, replica, request: requestOf(random, keys) });
  steps.push({ at: begin + 62, replica, request: { op: 'mset', keys } });
  if (random() < 0.5)
    steps.push({
      at: begin + 100 + random() * 50,
      replica,
      request: { op: 'invalidate', type: 'borrow_rate' },
    });
  return steps;
}

/** Redis is down for a while. Meanwhile a client sends a conditional write, and reads a key that its replica has read. */
function unreachableRedis(random: Random, replicas: number): Step[] {
  const replica = below(replicas, random);
  const key = QUIET_KEY;
  const begin = 1700 + random() * 200;
  return [
    { at: 60, replica: below(replicas, random), request: { op: 'put', key } },
    { at: begin, replica, request: { op: 'get', key } },
    { at: begin + 20, trouble: { kind: 'restart-redis', ms: 600, keep: true } },
    { at: begin + 60, replica, request: { op: 'put', key, condition: 'if-exists' } },
    { at: begin + 90, replica, request: { op: pick(['get', 'socket-get'] as const, random), key } },
  ];
}

/** Redis refuses writes for a while, and clients subscribe meanwhile. */
function fullRedis(
  random: Random,
  replicas: number,
  keys: readonly string[],
  endsAt: number,
  sockets: number,
): Step[] {
  const begin = BEGIN + random() * 400;
  const steps: Step[] = [
    { at: begin, trouble: { kind: pick(['full', 'read-only'] as const, random), ms: endsAt - begin } },
  ];
  for (let i = 0; i < 6; i++) {
    const at = begin + random() * (endsAt - begin);
    steps.push({ at, replica: below(replicas, random), request: { op: 'put', key: pick(keys, random) } });
    if (sockets > 0)
      steps.push({ at: at + 50, trouble: { kind: 'subscribe-again', socket: below(sockets, random) } });
  }
  return steps;
}

function socketOf(random: Random, replicas: number, keys: readonly string[]): SocketPlan {
  const kind = below(3, random);
  return {
    replica: below(replicas, random),
    keys: kind === 0 ? keys.filter(() => random() < 0.7).concat(keys[0]!) : [],
    types: kind === 1 ? [pick(TYPES, random), 'borrow_rate'] : [],
    prefixes: kind === 2 ? [pick(['borrow', 'v', 'desk:', 'm', 'b'], random)] : [],
    values: random() < 0.75,
    eager: random() < 0.5,
  };
}

function requestOf(random: Random, keys: readonly string[]): Request {
  const dice = random();
  const key = pick(keys, random);
  const some = () => {
    const picked = keys.filter(() => random() < 0.6);
    return picked.length === 0 ? [key] : picked;
  };
  if (dice < 0.27) return { op: 'get', key };
  if (dice < 0.36) return { op: 'socket-get', key };
  if (dice < 0.45) return { op: 'mget', keys: some() };
  if (dice < 0.72) {
    const ttl = random();
    const condition: Condition =
      random() < 0.2 ? pick(['if-version', 'if-absent', 'if-exists'] as const, random) : undefined;
    return {
      op: 'put',
      key,
      ...(ttl < 0.25 ? { ttlMs: 200 + below(1500, random) } : {}),
      ...(condition === undefined ? {} : { condition }),
    };
  }
  if (dice < 0.84)
    return random() < 0.15 ? { op: 'delete', key, condition: 'if-exists' } : { op: 'delete', key };
  if (dice < 0.89) return { op: 'mset', keys: some() };
  if (dice < 0.92) return { op: 'mdelete', keys: some() };
  if (dice < 0.95) return { op: 'invalidate', type: pick(TYPES, random) };
  if (dice < 0.975) return { op: 'invalidate', pattern: pick(['borrow*', '*:A', 'v*', 'd*'], random) };
  return { op: 'flush' };
}

function troubleOf(random: Random, replicas: number, keys: readonly string[], sockets: number): Trouble {
  const replica = below(replicas, random);
  const ms = Math.round(pick([40, 200, 600, 1200, 2000, 3500], random) * (0.5 + random()));
  const key = pick(keys, random);
  const connection = pick(['data', 'link', 'admin'], random);
  switch (below(20, random)) {
    case 0:
    case 1:
      return { kind: 'slow', replica, ms, extraMs: pick([10, 30, 60, 100], random) };
    case 2:
    case 3:
      return { kind: 'partition', replica, ms, ways: pick(['up', 'down', 'both'] as const, random) };
    case 4:
      return { kind: 'cut', replica, connection };
    case 5:
      return { kind: 'half-open', replica, connection };
    case 6:
      return { kind: 'freeze', ms };
    case 7:
      return { kind: 'restart-redis', ms, keep: random() < 0.6 };
    case 8:
      return { kind: 'restart-replica', replica, ms };
    case 9:
      return { kind: 'deny', prefix: pick(['borrow', 'v', 'm', ''], random), ms };
    case 10:
      return { kind: pick(['full', 'read-only'] as const, random), ms };
    case 11:
      return {
        kind: 'clock-jump',
        replica,
        byMs: pick([-3_600_000, -3000, -300, 300, 3000, 3_600_000], random),
      };
    case 12:
      return sockets === 0
        ? { kind: 'foreign-set', key }
        : { kind: 'slow-socket', socket: below(sockets, random), ms };
    case 13:
      return { kind: 'foreign-set', key };
    case 14:
      return { kind: 'foreign-legacy', key };
    case 15:
      return { kind: 'foreign-delete', key };
    case 16:
      return { kind: 'foreign-expire', key };
    case 17:
      return {
        kind: 'announce',
        message: pick(
          [key, `{"keys":["${key}"]}`, '{"types":["borrow_rate"]}', '{"pattern":"*:A"}', '{nonsense'],
          random,
        ),
      };
    case 18:
      return { kind: 'deny-link', ms };
    default:
      return { kind: pick(['flush-all', 'flush-other', 'swap'] as const, random) };
  }
}
