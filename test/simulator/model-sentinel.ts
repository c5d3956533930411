/** A model of a master with two replicas and three Sentinels, which replace the master. */
import type { Random } from '../../loadtest/support/random.ts';
import { History } from './history.ts';
import type { ModelRedis } from './model-redis.ts';
import { ReplicatedServer } from './replicated-server.ts';
import type { World } from './world.ts';

export const SERVERS = 3;
export const SENTINELS = 3;
const PORT = 6379;
export const SENTINEL_NAME = 'rates';
export const SWITCH_CHANNEL = '+switch-master';
/** The longest time until the Sentinels know of a switch. */
const GOSSIP_MS = 2000;

export class SentinelServer extends ReplicatedServer<SentinelServer> {
  get host(): string {
    return hostAt(this.place);
  }
}

export function hostAt(place: number): string {
  return `10.0.0.${place + 1}`;
}

/** The time in which two servers are masters: processes that do not know of the switch may use the old one. */
export interface Split {
  readonly from: number;
  /** When the old master becomes a replica. */
  until: number;
  readonly host: string;
  /** When each process was notified of the switch, by its origin. */
  readonly told: Map<string, number>;
}

export class ModelSentinels {
  readonly history = new History();
  readonly servers: SentinelServer[] = [];
  readonly sentinels: ModelRedis[] = [];
  readonly splits: Split[] = [];
  readonly world: World;
  readonly random: Random;
  /** Whether a failover or a restart is in progress. Only one is, at any time. */
  busy = false;
  #master: SentinelServer;
  #epoch = 0;

  /** @param open makes a server that records its changes in this history */
  constructor(world: World, open: (place: number, history: History) => ModelRedis) {
    this.world = world;
    this.random = world.random('sentinels');
    for (let place = 0; place < SERVERS; place++)
      this.servers.push(new SentinelServer(place, open(place, this.history), world, this.random));
    this.#master = this.servers[0]!;
    for (const server of this.servers) if (server !== this.#master) server.follow(this.#master);
    for (let i = 0; i < SENTINELS; i++) {
      const sentinel = open(SERVERS + i, this.history);
      sentinel.sentinel = { host: this.#master.host, epoch: this.#epoch };
      this.sentinels.push(sentinel);
    }
  }

  /** The servers, and then the Sentinels. */
  get all(): ModelRedis[] {
    return [...this.servers.map(({ redis }) => redis), ...this.sentinels];
  }

  get masters(): SentinelServer[] {
    return [this.#master];
  }

  serverOf(): ModelRedis {
    return this.#master.redis;
  }

  /** A process received the message of a Sentinel that names the new master. */
  notified(origin: string, message: string): void {
    const host = message.split(' ')[3]!;
    for (const split of this.splits)
      if (split.host === host && split.from <= this.world.now && !split.told.has(origin))
        split.told.set(origin, this.world.now);
  }

  /** SENTINEL FAILOVER: the old master accepts changes until it becomes a replica. */
  handOver(onLoss: () => void): void {
    if (!this.#begin()) return;
    this.#replace(this.#master, this.random() * 1000, onLoss);
  }

  /** The master dies. The changes of the last `behindMs` reach one replica, or none. */
  kill(behindMs: number, ms: number, onLoss: () => void): void {
    const master = this.#master;
    if (!this.#begin()) return;
    this.#fallBehind(master, behindMs);
    this.world.after(behindMs, undefined, () => master.redis.stop());
    this.world.after(behindMs + ms, undefined, () => {
      master.sever();
      const back = this.random() * 1500;
      this.world.after(back, undefined, () => master.redis.start(true));
      // A Sentinel makes the old master a replica when it is back.
      this.#replace(master, back + this.random() * 800, onLoss);
    });
  }

  /** The master is cut off from Sentinels and replicas, but not from its clients. */
  cutOff(ms: number, onLoss: () => void): void {
    const master = this.#master;
    if (!this.#begin()) return;
    master.sever();
    this.world.after(ms, undefined, () => this.#replace(master, 100 + this.random() * 2000, onLoss));
  }

  /** The master restarts before a replica replaces it. */
  restart(ms: number, keep: boolean, onLoss: () => void): void {
    const master = this.#master;
    if (!this.#begin()) return;
    const { replicas } = master;
    master.sever();
    master.redis.stop();
    this.world.after(ms, undefined, () => {
      master.redis.start(keep);
      if (!keep) onLoss();
      for (const replica of replicas) replica.follow(master);
      this.busy = false;
    });
  }

  freeze(ms: number): void {
    const { redis } = this.#master;
    if (!this.#begin()) return;
    redis.freeze(true);
    this.world.after(ms, undefined, () => {
      redis.freeze(false);
      this.busy = false;
    });
  }

  /** @returns false if another change is in progress */
  #begin(): boolean {
    if (this.busy) return false;
    this.busy = true;
    return true;
  }

  /** One replica receives no changes any more, and the other the earlier of them, all, or none. */
  #fallBehind(master: SentinelServer, ms: number): void {
    const [first] = master.replicas;
    master.sever([first!]);
    const dice = this.random();
    if (dice < 0.75) this.world.after(dice < 0.5 ? 0 : this.random() * ms, undefined, () => master.sever());
  }

  /** The replica with the most data becomes the master; the old master follows it `demoteMs` later. */
  #replace(old: SentinelServer, demoteMs: number, onLoss: () => void): void {
    const others = this.servers.filter((server) => server !== old);
    const next = others.reduce((best, server) => (server.offset > best.offset ? server : best));
    const split: Split = {
      from: this.world.now,
      until: Number.POSITIVE_INFINITY,
      host: next.host,
      told: new Map(),
    };
    this.splits.push(split);
    old.sever();
    old.redis.recording = false;
    next.master = undefined;
    next.redis.recording = true;
    this.#master = next;
    next.redis.takeOver(() => true);
    onLoss();
    for (const server of others)
      if (server !== next)
        this.world.after(this.random() * 500, undefined, () => {
          if (this.#master === next) server.follow(next);
        });
    this.#announce(old, next);
    this.world.after(demoteMs, undefined, () => {
      old.follow(next);
      // Sentinel does this together with REPLICAOF.
      old.redis.killAll();
      split.until = this.world.now;
      this.busy = false;
    });
  }

  #announce(old: SentinelServer, next: SentinelServer): void {
    const epoch = ++this.#epoch;
    const message = [SENTINEL_NAME, old.host, PORT, next.host, PORT].join(' ');
    // The Sentinel that leads the failover knows of it first.
    const leader = Math.floor(this.random() * SENTINELS);
    this.sentinels.forEach((sentinel, i) => {
      this.world.after(this.random() * (i === leader ? 50 : GOSSIP_MS), undefined, () => {
        if (sentinel.sentinel!.epoch > epoch) return;
        sentinel.sentinel = { host: next.host, epoch };
        sentinel.deliver(SWITCH_CHANNEL, message);
      });
    });
  }
}
