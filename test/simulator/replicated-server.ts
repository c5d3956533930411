/** A server with replicas, which receive its changes later, in their order, and acknowledge them. */
import type { Random } from '../../loadtest/support/random.ts';
import type { ModelRedis, Stored } from './model-redis.ts';
import type { World } from './world.ts';

/** The longest time in which a change reaches a replica, and in which its acknowledgement returns. */
const LAG_MS = 2;

interface Copy {
  /** When the last change arrives. */
  lastArrival: number;
  /** The number of changes that the replica has acknowledged. */
  acknowledged: number;
}

export class ReplicatedServer<Peer extends ReplicatedServer<Peer>> {
  readonly place: number;
  readonly redis: ModelRedis;
  /** The master of a replica. */
  master: Peer | undefined;
  /** The number of changes of the data set: a replica with a greater number has all changes of one with a lower. */
  offset = 0;
  readonly #world: World;
  readonly #random: Random;
  readonly #copies = new Map<Peer, Copy>();

  constructor(place: number, redis: ModelRedis, world: World, random: Random) {
    this.place = place;
    this.redis = redis;
    this.#world = world;
    this.#random = random;
    redis.server = this as unknown as Peer;
  }

  /** The replicas that receive changes. */
  get replicas(): Peer[] {
    return [...this.#copies.keys()];
  }

  /** The number of replicas that have acknowledged this many changes. */
  acknowledged(changes: number): number {
    let count = 0;
    for (const copy of this.#copies.values()) if (copy.acknowledged >= changes) count++;
    return count;
  }

  /** When the replicas have all changes. */
  get lastArrival(): number {
    return Math.max(this.#world.now, ...Array.from(this.#copies.values(), (copy) => copy.lastArrival));
  }

  /** A key of this master has changed. */
  changed(key: string, stored: Stored | undefined): void {
    const offset = ++this.offset;
    for (const [replica, copy] of this.#copies) {
      copy.lastArrival = Math.max(copy.lastArrival, this.#world.now + this.#random() * LAG_MS);
      this.#world.at(copy.lastArrival, undefined, () => {
        if (this.#copies.get(replica) !== copy) return;
        replica.offset = offset;
        replica.redis.copy(key, stored);
        this.#world.after(this.#random() * LAG_MS, undefined, () => {
          copy.acknowledged = Math.max(copy.acknowledged, offset);
          if (this.#copies.get(replica) === copy) this.redis.lookAtWaits();
        });
      });
    }
  }

  /** No replica receives changes from now on. */
  sever(only: readonly Peer[] = this.replicas): void {
    for (const replica of only) this.#copies.delete(replica);
  }

  /**
   * Copies the data of the master, and follows it from now on.
   * @param hadOther whether this server had other data than the master: a full resynchronisation
   */
  follow(master: Peer, hadOther = true): void {
    const self = this as unknown as Peer;
    this.master?.sever([self]);
    this.sever();
    this.master = master;
    this.offset = master.offset;
    this.redis.recording = false;
    master.attach(self);
    this.redis.resync(master.redis, hadOther);
  }

  attach(replica: Peer): void {
    this.#copies.set(replica, { lastArrival: this.#world.now, acknowledged: this.offset });
  }
}
