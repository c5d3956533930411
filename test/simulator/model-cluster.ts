/** A model of a Redis Cluster: masters with a replica each, failover with lost changes, and slots that move. */
import keySlot from 'cluster-key-slot';
import type { Random } from '../../loadtest/support/random.ts';
import { History } from './history.ts';
import { type Argument, type ModelRedis, RedisFault, type Reply } from './model-redis.ts';
import { ReplicatedServer } from './replicated-server.ts';
import type { World } from './world.ts';

const SLOTS = 16_384;
export const MASTERS = 3;
const PORT = 6379;
/** The longest time in which a node learns of a change from the others. */
const GOSSIP_MS = 300;

/** Who owns which slot: the place of a node for each slot. */
interface Table {
  readonly epoch: number;
  readonly owners: Uint8Array;
  slotsReply: Reply | undefined;
}

/** A slot that is moving from one master to another. */
interface Move {
  readonly slot: number;
  readonly from: ClusterNode;
  readonly to: ClusterNode;
}

/** One server of the Cluster, as it sees the others. */
export class ClusterNode extends ReplicatedServer<ClusterNode> {
  table: Table;
  /** Whether `cluster_state` is ok. */
  serves = true;
  readonly #cluster: ModelCluster;

  constructor(cluster: ModelCluster, place: number, redis: ModelRedis, table: Table) {
    super(place, redis, cluster.world, cluster.random);
    this.#cluster = cluster;
    this.table = table;
    redis.node = this;
  }

  get address(): string {
    return `10.0.0.${this.place + 1}:${PORT}`;
  }

  owns(slot: number): boolean {
    return this.master === undefined && this.serves && this.table.owners[slot] === this.place;
  }

  /**
   * @param channels whether the names are of channels, which do not move
   * @throws RedisFault where this node does not run a command on these keys
   */
  check(keys: readonly string[], asking: boolean, channels: boolean): void {
    if (keys.length === 0) return;
    const slot = keySlot(keys[0]!);
    if (keys.some((key) => keySlot(key) !== slot))
      throw new RedisFault("CROSSSLOT Keys in request don't hash to the same slot");
    if (!this.serves) throw new RedisFault('CLUSTERDOWN The cluster is down');
    const owner = this.table.owners[slot]!;
    const move = this.#cluster.moves.get(slot);
    const missing = channels ? 0 : keys.filter((key) => !this.redis.holds(key)).length;
    if (owner === this.place && this.master === undefined) {
      if (move?.from !== this || missing === 0) return;
      if (missing < keys.length)
        throw new RedisFault('TRYAGAIN Multiple keys request during rehashing of slot');
      throw new RedisFault(`ASK ${slot} ${move.to.address}`);
    }
    // A replica accepts SPUBLISH and SSUBSCRIBE for the slots of its master.
    if (channels && this.master?.place === owner) return;
    if (asking && move?.to === this) {
      if (keys.length > 1 && missing > 0)
        throw new RedisFault('TRYAGAIN Multiple keys request during rehashing of slot');
      return;
    }
    throw new RedisFault(`MOVED ${slot} ${this.#cluster.nodes[owner]!.address}`);
  }

  spread(channel: string, message: string): void {
    this.#cluster.spreadInShard(this, channel, message);
  }

  command(args: readonly Argument[]): Reply {
    switch (String(args[0]).toUpperCase()) {
      case 'INFO':
        return Buffer.from(
          `cluster_state:${this.serves ? 'ok' : 'fail'}\r\ncluster_current_epoch:${this.table.epoch}\r\n`,
        );
      case 'SLOTS':
        this.table.slotsReply ??= this.#cluster.slotsReply(this.table);
        return this.table.slotsReply;
    }
    throw new RedisFault('ERR unknown subcommand');
  }
}

export class ModelCluster {
  readonly history = new History();
  readonly nodes: ClusterNode[] = [];
  readonly moves = new Map<number, Move>();
  readonly world: World;
  readonly random: Random;
  /** Whether a failover, a move or a restart is in progress. Only one is, at any time. */
  busy = false;
  #table: Table;

  /** @param open makes a server that records its changes in this history */
  constructor(world: World, open: (place: number, history: History) => ModelRedis) {
    this.world = world;
    this.random = world.random('cluster');
    const owners = Uint8Array.from({ length: SLOTS }, (_, slot) => Math.floor((slot * MASTERS) / SLOTS));
    this.#table = { epoch: 1, owners, slotsReply: undefined };
    for (let place = 0; place < 2 * MASTERS; place++) {
      const redis = open(place, this.history);
      this.nodes.push(new ClusterNode(this, place, redis, this.#table));
    }
    for (let place = 0; place < MASTERS; place++) this.nodes[MASTERS + place]!.follow(this.nodes[place]!);
  }

  /** The masters by the lowest slot that they own. */
  get masters(): ClusterNode[] {
    return [...new Set(this.#table.owners)].map((place) => this.nodes[place]!);
  }

  ownerOf(key: string): ClusterNode {
    return this.nodes[this.#table.owners[keySlot(key)]!]!;
  }

  /** The server that has the key now, or would create it; undefined while none serves its slot. */
  serverOf(key: string): ModelRedis | undefined {
    const move = this.moves.get(keySlot(key));
    const owner = move !== undefined && !move.from.redis.holds(key) ? move.to : this.ownerOf(key);
    return owner.serves ? owner.redis : undefined;
  }

  slotsReply({ owners }: Table): Reply {
    const ranges: Reply[] = [];
    for (let first = 0; first < SLOTS; ) {
      let last = first;
      while (last + 1 < SLOTS && owners[last + 1] === owners[first]) last++;
      const master = this.nodes[owners[first]!]!;
      const others = this.nodes.filter((node) => node.master === master);
      ranges.push([first, last, ...[master, ...others].map((node) => this.#listed(node))]);
      first = last + 1;
    }
    return ranges;
  }

  #listed({ place, address }: ClusterNode): Reply {
    return [Buffer.from(address.split(':')[0]!), PORT, Buffer.from(`node${place}`)];
  }

  /** Sends a message of SPUBLISH to the other nodes of the shard. */
  spreadInShard(from: ClusterNode, channel: string, message: string): void {
    const master = from.master ?? from;
    for (const node of [master, ...master.replicas])
      if (node !== from)
        this.world.after(this.random() * 2, undefined, () => node.redis.deliver(channel, message, true));
  }

  /** @returns false if another change is in progress */
  #begin(): boolean {
    if (this.busy) return false;
    this.busy = true;
    return true;
  }

  /** A master hands over to its replica without a loss. */
  handOver(shard: number): void {
    const master = this.masters[shard % this.masters.length]!;
    const [replica] = master.replicas;
    if (replica === undefined || !this.#begin()) return;
    master.redis.freeze(true);
    const at = master.lastArrival + this.random() * 20;
    this.world.at(at, undefined, () => {
      this.#promote(replica, master);
      this.world.after(this.random() * 5, undefined, () => {
        // Redis sometimes makes a full resynchronisation after a failover without a loss.
        this.#demote(master, replica, this.random() < 0.3);
        master.redis.freeze(false);
        this.busy = false;
      });
    });
  }

  /**
   * A master dies, and its replica replaces it. The changes of the last `behindMs` are lost. The old master returns as a
   * replica, with an old table at first.
   */
  kill(shard: number, behindMs: number, ms: number, onLoss: (lost: (key: string) => boolean) => void): void {
    const master = this.masters[shard % this.masters.length]!;
    const [replica] = master.replicas;
    if (replica === undefined || !this.#begin()) return;
    master.sever();
    this.world.after(behindMs, undefined, () => master.redis.stop());
    const halted = this.random() < 0.5 ? this.random() * 300 : 0;
    this.world.after(behindMs + ms - halted, undefined, () => {
      // Without `cluster-require-full-coverage no`, no node serves until a replica has replaced the master.
      if (halted > 0) for (const node of this.nodes) node.serves = node === master && node.serves;
    });
    this.world.after(behindMs + ms, undefined, () => {
      for (const node of this.nodes) if (node !== master) node.serves = true;
      this.#promote(replica, master);
      onLoss((key) => this.ownerOf(key) === replica);
      master.serves = false;
    });
    this.world.after(behindMs + ms + this.random() * 1500, undefined, () => {
      master.redis.start(true);
      this.world.after(this.random() * 800, undefined, () => {
        this.#demote(master, replica);
        this.busy = false;
      });
    });
  }

  /** A master is cut off from the other nodes. It serves its clients until it notices, and its replica replaces it. */
  cutOff(shard: number, ms: number, onLoss: (lost: (key: string) => boolean) => void): void {
    const master = this.masters[shard % this.masters.length]!;
    const [replica] = master.replicas;
    if (replica === undefined || !this.#begin()) return;
    master.sever();
    this.world.after(ms, undefined, () => {
      master.serves = false;
    });
    const promotedAt = ms + 20 + this.random() * 500;
    this.world.after(promotedAt, undefined, () => {
      this.#promote(replica, master);
      onLoss((key) => this.ownerOf(key) === replica);
    });
    this.world.after(promotedAt + 100 + this.random() * 2000, undefined, () => {
      this.#demote(master, replica);
      this.busy = false;
    });
  }

  /** A master restarts before its replica replaces it. */
  restart(shard: number, ms: number, keep: boolean, onLoss: (lost: (key: string) => boolean) => void): void {
    const master = this.masters[shard % this.masters.length]!;
    if (!this.#begin()) return;
    const [replica] = master.replicas;
    master.sever();
    master.redis.stop();
    this.world.after(ms, undefined, () => {
      master.redis.start(keep);
      if (!keep) onLoss((key) => this.ownerOf(key) === master);
      if (replica !== undefined) replica.follow(master);
      this.busy = false;
    });
  }

  freeze(shard: number, ms: number): void {
    const master = this.masters[shard % this.masters.length]!;
    if (!this.#begin()) return;
    master.redis.freeze(true);
    this.world.after(ms, undefined, () => {
      master.redis.freeze(false);
      this.busy = false;
    });
  }

  /** Moves the slots of these keys from their master to another, with their keys one after the other. */
  move(keys: readonly string[], by: number, ms: number): void {
    const from = this.ownerOf(keys[0]!);
    const others = this.masters.filter((node) => node !== from);
    const slots = [...new Set(keys.filter((key) => this.ownerOf(key) === from).map((key) => keySlot(key)))];
    if (!this.beginMove(slots, from, others[by % others.length]!)) return;
    for (const key of keys.filter((each) => slots.includes(keySlot(each))))
      this.world.after(this.random() * ms, undefined, () => this.carry(key));
    this.world.after(ms, undefined, () => this.endMove(slots));
  }

  /** CLUSTER SETSLOT with MIGRATING and IMPORTING. Returns false if another change is in progress. */
  beginMove(slots: readonly number[], from: ClusterNode, to: ClusterNode): boolean {
    if (!this.#begin()) return false;
    for (const slot of slots) this.moves.set(slot, { slot, from, to });
    return true;
  }

  /** MIGRATE of one key of a slot that moves. */
  carry(key: string): void {
    const { from, to } = this.moves.get(keySlot(key))!;
    const stored = from.redis.takeOut(key);
    if (stored !== undefined) to.redis.putIn(key, stored, from.redis);
  }

  /** CLUSTER SETSLOT with NODE, after the remaining keys. */
  endMove(slots: readonly number[]): void {
    const { from, to } = this.moves.get(slots[0]!)!;
    for (const key of from.redis.keysOf((each) => slots.includes(keySlot(each)))) this.carry(key);
    const owners = this.#table.owners.slice();
    for (const slot of slots) owners[slot] = to.place;
    this.#table = { epoch: this.#table.epoch + 1, owners, slotsReply: undefined };
    this.#learn(to, this.#table, 0);
    const delay = this.random() * 20;
    this.#learn(from, this.#table, delay);
    this.world.after(delay, undefined, () => {
      for (const slot of slots) this.moves.delete(slot);
      from.redis.leaveSlots(slots);
      this.busy = false;
    });
    this.#tellOthers([to, from]);
  }

  #promote(replica: ClusterNode, master: ClusterNode): void {
    const owners = this.#table.owners.map((place) => (place === master.place ? replica.place : place));
    this.#table = { epoch: this.#table.epoch + 1, owners, slotsReply: undefined };
    master.sever();
    master.redis.recording = false;
    replica.master = undefined;
    replica.redis.recording = true;
    this.#learn(replica, this.#table, 0);
    replica.redis.takeOver((key) => this.#table.owners[keySlot(key)] === replica.place);
    this.#tellOthers([replica, master]);
  }

  /** The old master learns that another node has replaced it. */
  #demote(master: ClusterNode, by: ClusterNode, hadOther = true): void {
    this.#learn(master, this.#table, 0);
    const owned = this.#table.owners;
    master.follow(by, hadOther);
    master.serves = true;
    master.redis.leaveSlots(undefined);
    this.#table = { ...this.#table, owners: owned, slotsReply: undefined };
    this.#tellOthers([]);
  }

  #tellOthers(known: readonly ClusterNode[]): void {
    for (const node of this.nodes)
      if (!known.includes(node)) this.#learn(node, this.#table, this.random() * GOSSIP_MS);
  }

  #learn(node: ClusterNode, table: Table, ms: number): void {
    const learn = () => {
      if (table.epoch >= node.table.epoch) node.table = table;
    };
    if (ms === 0) learn();
    else this.world.after(ms, undefined, learn);
  }
}
