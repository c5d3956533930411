/** One replica, composed as `serve` composes it, on simulated connections and sockets. */
import { VersionClock } from '../../src/cache/version.ts';
import type { Config } from '../../src/config/config.ts';
import type { Logger } from '../../src/log.ts';
import { Push } from '../../src/push/socket.ts';
import { type Core, composeCore } from '../../src/service/compose.ts';
import type { TemplatedApp } from '../../src/uws.ts';
import { OPEN } from '../push/deps.ts';
import { openSimulated, type SimulatedRedis, type Surroundings } from './connection.ts';
import type { ModelRedis } from './model-redis.ts';
import { Path } from './network.ts';
import { Process, type World } from './world.ts';

/** The WebSocket handlers that the service registers. */
export type Behavior = Parameters<TemplatedApp['ws']>[1];

export interface ReplicaDeps {
  readonly world: World;
  readonly servers: readonly ModelRedis[];
  readonly config: Config;
  readonly tamper: Surroundings['tamper'];
  /** A Sentinel has announced another master to a process. */
  readonly onSwitch: (origin: string, message: string) => void;
  readonly deaf: boolean;
}

/** A replica, which may run several processes one after another. */
export class Replica {
  readonly name: string;
  readonly index: number;
  /** The path to each server. */
  readonly paths: readonly Path[];
  readonly #deps: ReplicaDeps;
  incarnation = 0;
  process: Process;
  core: Core | undefined;
  /** The handlers of `/v1/ws`. */
  sockets: Behavior | undefined;
  clients: SimulatedRedis[] = [];
  /** The writer id of the present process. */
  origin = '';
  /** How often coherence was lost. */
  losses = 0;
  readonly logLines: string[] = [];
  #wallOffset = 0;
  readonly #drift: number;

  constructor(index: number, deps: ReplicaDeps, wallOffset: number, drift: number) {
    this.index = index;
    this.name = `r${index}`;
    this.#deps = deps;
    this.paths = deps.servers.map(() => new Path());
    this.#wallOffset = wallOffset;
    this.#drift = drift;
    this.process = new Process(this.name, deps.world.random(this.name), drift);
  }

  get alive(): boolean {
    return this.core !== undefined;
  }

  start(): void {
    const { world, servers, config, tamper, onSwitch, deaf } = this.#deps;
    const incarnation = ++this.incarnation;
    this.process = new Process(
      `${this.name}.${incarnation}`,
      world.random(`${this.name}.${incarnation}`),
      this.#drift,
    );
    this.process.wallOffset = this.#wallOffset;
    const origin = this.originOf(incarnation);
    this.origin = origin;
    this.clients = [];
    world.inside(this.process, () => {
      const surroundings = {
        world,
        serverAt: (host: string) => {
          const place = placeOf(host);
          return { redis: servers[place]!, path: this.paths[place]! };
        },
        onSwitch: (message: string) => onSwitch(origin, message),
        deaf,
        origin,
        process: this.process,
        clients: this.clients,
        tamper,
      };
      const core = composeCore(config, this.#log(), { openRedis: openSimulated(surroundings), origin });
      this.core = core;
      const { cache, clock, counters } = core;
      const follow = cache.stateChanged.bind(cache);
      cache.stateChanged = (state, source) => {
        if (state !== 'coherent') this.losses++;
        follow(state, source);
      };
      const assign = cache.assignSlots.bind(cache);
      cache.assignSlots = (source, slots) => {
        if (source.state !== 'coherent') this.losses++;
        assign(source, slots);
      };
      const app = {
        ws: (_path: string, behavior: Behavior) => {
          this.sockets = behavior;
        },
      };
      new Push(
        app as unknown as TemplatedApp,
        { ...config.limits, ...config.push },
        {
          cache,
          clock,
          counters,
          access: OPEN,
          onFault: (error) => void world.faults.push(error),
          overloaded: () => false,
          draining: () => false,
          rememberedKeys: 100,
        },
      );
    });
  }

  /** The writer id of one of its processes. */
  originOf(incarnation: number): string {
    return (0xa0_00_00_00 + this.index * 0x1_00_00 + incarnation).toString(16);
  }

  /** The process is killed without a shutdown. */
  kill(): void {
    this.process.dead = true;
    this.core = undefined;
    this.sockets = undefined;
    this.losses++;
    for (const client of this.clients) client.killed();
  }

  jump(ms: number): void {
    this.#wallOffset += ms;
    this.process.wallOffset = this.#wallOffset;
  }

  /**
   * The client for this purpose: `data`, `admin` or `link`.
   * @param place of its server; undefined for any server
   */
  client(name: string, place: number | undefined): SimulatedRedis | undefined {
    return this.clients.findLast(
      ({ options, host }) =>
        options.connectionName === `ratecache-${name}` && (place === undefined || placeOf(host) === place),
    );
  }

  #log(): Logger {
    const write = (level: string) => (fields: unknown, message?: string) => {
      const { world } = this.#deps;
      this.logLines.push(
        `${world.now.toFixed(1)} ${level} ${message ?? ''} ${typeof fields === 'string' ? fields : JSON.stringify(fields)}`,
      );
    };
    const log = {
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      debug: () => {},
      child: () => log,
    };
    return log as unknown as Logger;
  }
}

/** The place of the server with this name: `10.0.0.1` is the first. */
function placeOf(host: string): number {
  return /^10\.0\.0\.\d$/.test(host) ? Number(host.slice(7)) - 1 : 0;
}

/** Records the operation of each stamp. */
export class Stamps {
  readonly #operations = new Map<string, number>();
  readonly #queue: number[] = [];

  /** Runs a function that makes one stamp for each of these operations, in their order. */
  during<T>(operations: readonly number[], run: () => T): T {
    this.#queue.push(...operations);
    try {
      return run();
    } finally {
      this.#queue.length = 0;
    }
  }

  operationOf(stamp: string): number | undefined {
    return this.#operations.get(stamp);
  }

  /** Starts to record stamps. Returns a function that stops it. */
  install(): () => void {
    const { next } = VersionClock.prototype;
    const stamps = this;
    VersionClock.prototype.next = function (this: VersionClock) {
      const version = next.call(this);
      const operation = stamps.#queue.length > 1 ? stamps.#queue.shift() : stamps.#queue[0];
      if (operation !== undefined) stamps.#operations.set(version, operation);
      return version;
    };
    return () => {
      VersionClock.prototype.next = next;
    };
  }
}
