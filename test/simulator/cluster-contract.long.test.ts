/** Makes the same commands, moves of slots and failovers at the model of a Cluster and at a real one. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import keySlot from 'cluster-key-slot';
import type { Redis } from 'ioredis';
import { below, pick, type Random, seeded } from '../../loadtest/support/random.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisCluster, startCluster } from '../../loadtest/target/cluster.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { SHARDED_WRITE_SCRIPT } from '../../src/redis/scripts.ts';
import { staySubscribed } from '../../src/redis/stay-subscribed.ts';
import { openConnection } from '../support/redis-connection.ts';
import { apart } from './apart.ts';
import { MASTERS, ModelCluster } from './model-cluster.ts';
import { type Argument, ModelRedis, type Output, type Reply, type Session } from './model-redis.ts';
import type { Outcome } from './model-script.ts';
import { CHANNEL, callOf, shown } from './random-calls.ts';
import { BEGIN_MS, World } from './world.ts';

const PREFIX = 'k:';
/** Two of the keys share a slot. */
const KEYS = ['k:{a}1', 'k:{a}2', 'k:b', 'k:c', 'k:d'];
const INVALIDATE = '__redis__:invalidate';
const ROUNDS = 120;
const SETTLE = { timeoutMs: 30_000, everyMs: 5 };

/** A command, and the node that receives it. */
interface Step {
  readonly place: number;
  readonly name: string;
  readonly args: readonly Argument[];
  readonly asking: boolean;
}

/** What the links of all nodes reported: invalidated keys, and messages of channels. */
type Reports = readonly (readonly string[])[];

interface Side {
  run(step: Step): Promise<string>;
  beginMove(slot: number, from: number, to: number): Promise<void>;
  carry(key: string): Promise<void>;
  endMove(slot: number): Promise<void>;
  failover(master: number): Promise<void>;
  /** The values of all keys, read from all nodes. */
  values(): Promise<readonly string[]>;
  /** Waits until the replicas have all changes, and returns what the links have reported since the last call. */
  reports(): Promise<Reports>;
}

for (let seed = 1; seed <= 2; seed++)
  test(`the model of a Cluster answers and notifies as a real one (seed ${seed})`, async (t) => {
    const random = seeded(seed);
    const real = await RealSide.open(t);
    const model = new ModelSide(seed);
    await model.subscribe();
    let moving: { readonly slot: number; readonly keys: string[] } | undefined;
    assert.deepEqual(await real.reports(), await model.reports());
    for (let round = 0; round < ROUNDS; round++) {
      const at = `seed ${seed}, round ${round}: `;
      model.follow(await real.now());
      let what: string;
      const dice = random();
      if (dice < 0.1 && moving === undefined) {
        const key = pick(KEYS, random);
        const from = model.cluster.ownerOf(key).place;
        const others = model.cluster.masters.filter(({ place }) => place !== from);
        const to = pick(others, random).place;
        moving = { slot: keySlot(key), keys: KEYS.filter((each) => keySlot(each) === keySlot(key)) };
        what = `the slot of ${key} moves from ${from} to ${to}`;
        for (const side of [real, model]) await side.beginMove(moving.slot, from, to);
      } else if (dice < 0.15 && moving !== undefined) {
        const key = pick(moving.keys, random);
        what = `${key} moves`;
        for (const side of [real, model]) await side.carry(key);
      } else if (dice < 0.2 && moving !== undefined) {
        what = `the slot of ${moving.keys[0]} has moved`;
        for (const side of [real, model]) await side.endMove(moving.slot);
        moving = undefined;
      } else if (dice < 0.22 && moving === undefined) {
        const master = pick(model.cluster.masters, random).place;
        what = `${master} hands over to its replica`;
        for (const side of [real, model]) await side.failover(master);
        // A full resynchronisation reports a flush, and a partial one does not. Redis makes either.
        for (const side of [real, model]) await side.reports();
        assert.deepEqual(await real.values(), await model.values(), at + what);
      } else {
        const step = stepOf(random, model.cluster);
        what = `${step.asking ? 'ASKING ' : ''}${step.name} ${step.args[0]} at ${step.place}`;
        assert.equal(await real.run(step), await model.run(step), at + what);
      }
      assert.deepEqual(await real.reports(), await model.reports(), `${at}reports after: ${what}`);
    }
    if (moving !== undefined) for (const side of [real, model]) await side.endMove(moving.slot);
  });

function stepOf(random: Random, cluster: ModelCluster): Step {
  const key = pick(KEYS, random);
  const present = {
    now: cluster.nodes[0]!.redis.now,
    get: (each: string) => cluster.serverOf(each)?.get(each),
  };
  const move = cluster.moves.get(keySlot(key));
  const asking = move !== undefined && random() < 0.5;
  const owner = asking ? move.to : cluster.ownerOf(key);
  const place = random() < 0.75 ? owner.place : below(2 * MASTERS, random);
  const one = (name: string, ...args: Argument[]): Step => ({ place, name, args, asking });
  const dice = random();
  if (dice < 0.25) return one('GET', key);
  if (dice < 0.35) return one('UNLINK', key);
  if (dice < 0.42) return one('UNLINK', 'k:{a}1', 'k:{a}2');
  if (dice < 0.5) return one('SPUBLISH', channelOf(key), `message ${below(1000, random)}`);
  if (dice < 0.53) return one('MGET', 'k:b', 'k:c');
  if (dice < 0.57) return { ...one('WAIT', 1, 5000), asking: false };
  const sharing = KEYS.filter((each) => keySlot(each) === keySlot(key));
  const call = callOf(random, sharing, present, channelOf(key));
  return one('WRITE', call.keys.length, ...call.keys, ...call.args);
}

/** A channel in the slot of the key. */
function channelOf(key: string): string {
  return `${CHANNEL}{${/\{(.*)\}/.exec(key)?.[1] ?? key}}`;
}

/** Shows a reply without what differs between two servers: addresses, texts of errors, counts of subscribers. */
function shownReply(name: string, reply: unknown, placeOf: (port: string) => number): string {
  if (reply instanceof Error) {
    const [code, slot, address] = reply.message.split(' ');
    return code === 'MOVED' || code === 'ASK' ? `${code} ${slot} ${placeOf(address!)}` : code!;
  }
  if (name === 'SPUBLISH') return 'published';
  if (name === 'WRITE') return (reply as Outcome[]).map(shown).join(', ');
  if (Array.isArray(reply)) return reply.map((each) => shownReply('', each, placeOf)).join(', ');
  return Buffer.isBuffer(reply) ? reply.toString('hex') : String(reply);
}

async function valuesAt(side: Side): Promise<readonly string[]> {
  const found: string[] = [];
  for (const key of KEYS)
    for (let place = 0; place < 2 * MASTERS; place++)
      found.push(await side.run({ place, name: 'GET', args: [key], asking: false }));
  return found;
}

/** An announcement that the script has corrected has its members in another order each time. */
function inOrder(message: string): string {
  if (!message.startsWith('{')) return message;
  return JSON.stringify(Object.entries(JSON.parse(message)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Records the reports of one link. */
class Link {
  readonly #reported = new Set<string>();

  invalidated(keys: readonly Buffer[] | null): void {
    for (const key of keys ?? ['all']) this.#reported.add(`changed ${key}`);
  }

  received(channel: string, message: unknown): void {
    this.#reported.add(`${channel}: ${inOrder(String(message))}`);
  }

  take(): string[] {
    const all = [...this.#reported].sort();
    this.#reported.clear();
    return all;
  }
}

interface RealNode {
  readonly server: RedisServer;
  readonly data: Redis;
  readonly link: Redis;
  readonly reports: Link;
}

class RealSide implements Side {
  readonly #cluster: RedisCluster;
  readonly #nodes: readonly RealNode[];
  #move: { readonly slot: number; readonly from: number; readonly to: number } | undefined;

  private constructor(cluster: RedisCluster, nodes: readonly RealNode[]) {
    this.#cluster = cluster;
    this.#nodes = nodes;
  }

  static async open(t: TestContext): Promise<RealSide> {
    const cluster = await startCluster();
    t.after(() => cluster.stop());
    const masters = (await cluster.nodes())
      .filter(({ master }) => master)
      .sort((a, b) => a.slots[0]![0] - b.slots[0]![0])
      .map(({ port }) => cluster.servers.find((server) => server.port === port)!);
    const replicas = await Promise.all(masters.map((master) => cluster.replicaOf(master)));
    const nodes = [...masters, ...replicas].map((server) => {
      const { redis: data } = openConnection(t, server);
      const { redis: link } = openConnection(t, server);
      staySubscribed(link);
      return { server, data, link, reports: new Link() };
    });
    const side = new RealSide(cluster, nodes);
    for (const [place, node] of nodes.entries()) await side.#arm(place, node);
    return side;
  }

  async #arm(place: number, { data, link, reports }: RealNode): Promise<void> {
    await until(() => data.status === 'ready' && link.status === 'ready', SETTLE);
    link.on('messageBuffer', (_channel: Buffer, keys) => reports.invalidated(keys as never));
    link.on('smessageBuffer', (channel: Buffer, message: Buffer) =>
      reports.received(String(channel), message),
    );
    const id = await link.client('ID');
    await link.call('CLIENT', ['TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', 'PREFIX', PREFIX]);
    await link.subscribe(INVALIDATE);
    for (const channel of channelsAt(place)) await link.ssubscribe(channel);
  }

  async now(): Promise<number> {
    const [seconds, micros] = await this.#nodes[0]!.data.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  async run({ place, name, args, asking }: Step): Promise<string> {
    const { data } = this.#nodes[place]!;
    if (asking) data.call('ASKING').catch(() => {});
    const [command, first] = name === 'WRITE' ? ['EVAL', [SHARDED_WRITE_SCRIPT]] : [name, []];
    const reply = await data.callBuffer(command, ...first, ...args).catch((error: Error) => error);
    return shownReply(name, reply, (address) => this.#placeOf(address));
  }

  values(): Promise<readonly string[]> {
    return valuesAt(this);
  }

  async beginMove(slot: number, from: number, to: number): Promise<void> {
    const [source, target] = [this.#nodes[from]!.server, this.#nodes[to]!.server];
    await target.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', await this.#cluster.idOf(source));
    await source.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', await this.#cluster.idOf(target));
    this.#move = { slot, from, to };
  }

  async carry(key: string): Promise<void> {
    const { from, to } = this.#move!;
    const { port } = this.#nodes[to]!.server;
    await this.#nodes[from]!.server.cli('MIGRATE', '127.0.0.1', String(port), key, '0', '5000');
  }

  async endMove(slot: number): Promise<void> {
    const { to } = this.#move!;
    for (const key of KEYS) if (keySlot(key) === slot) await this.carry(key);
    const id = await this.#cluster.idOf(this.#nodes[to]!.server);
    const masters = (await this.#cluster.nodes()).filter(({ master }) => master);
    const target = this.#nodes[to]!.server.port;
    const order = masters.map(({ port }) => port).sort((a, b) => Number(b === target) - Number(a === target));
    for (const port of order)
      await this.#nodes[this.#placeOf(`:${port}`)]!.server.cli(
        'CLUSTER',
        'SETSLOT',
        String(slot),
        'NODE',
        id,
      );
    await this.#cluster.settled();
  }

  async failover(master: number): Promise<void> {
    const old = this.#nodes[master]!.server;
    const replica = await this.#cluster.replicaOf(old);
    const isMaster = async () =>
      (await this.#cluster.nodes()).some(({ port, master: is }) => port === replica.port && is);
    await until(async () => {
      await this.#cluster.failover(replica);
      // The old master may win the slots back, if it has received a slot without an election before.
      return isMaster();
    }, SETTLE);
  }

  async reports(): Promise<Reports> {
    await until(async () => {
      const infos = await Promise.all(this.#nodes.map(({ data }) => data.info('replication')));
      const offsets = infos.map((info) => /master_repl_offset:(\d+)/.exec(info)![1]);
      return infos.every((info) => {
        const port = /master_port:(\d+)/.exec(info)?.[1];
        return (
          port === undefined ||
          /slave_repl_offset:(\d+)/.exec(info)![1] === offsets[this.#placeOf(`:${port}`)]
        );
      });
    }, SETTLE);
    await Promise.all(this.#nodes.map(({ link }) => link.ping()));
    return this.#nodes.map(({ reports }) => reports.take());
  }

  #placeOf(address: string): number {
    const port = Number(address.split(':')[1]);
    return this.#nodes.findIndex(({ server }) => server.port === port);
  }
}

class ModelSide implements Side {
  readonly cluster: ModelCluster;
  readonly #world: World;
  readonly #links: readonly Link[];
  readonly #sessions: readonly { readonly session: Session; readonly replies: Reply[] }[];

  constructor(seed: number) {
    this.#world = new World(seed);
    this.cluster = new ModelCluster(
      this.#world,
      (place, history) => new ModelRedis(this.#world, PREFIX, () => undefined, history, `redis${place}`),
    );
    this.#sessions = this.cluster.nodes.map(({ redis }) => {
      const replies: Reply[] = [];
      const session = redis.open('', (output) => {
        if ('reply' in output) replies.push(output.reply);
      });
      return { session, replies };
    });
    this.#links = this.cluster.nodes.map(() => new Link());
  }

  async subscribe(): Promise<void> {
    for (const [place, { redis }] of this.cluster.nodes.entries()) {
      const session = redis.open('', (output) => this.#onOutput(place, output));
      redis.receive(session, [{ name: 'CLIENT', args: ['TRACKING', 'ON', 'BCAST', 'PREFIX', PREFIX] }]);
      redis.receive(session, [{ name: 'SUBSCRIBE', args: [INVALIDATE] }]);
      for (const channel of channelsAt(place))
        redis.receive(session, [{ name: 'SSUBSCRIBE', args: [channel] }]);
    }
    await this.#pass(50);
  }

  #onOutput(place: number, output: Output): void {
    if (!('channel' in output)) return;
    if (output.sharded) this.#links[place]!.received(output.channel, output.message);
    else this.#links[place]!.invalidated(output.message as readonly Buffer[] | null);
  }

  /** Sets the clocks of all nodes. */
  follow(now: number): void {
    for (const { redis } of this.cluster.nodes) redis.clockOffset = now - BEGIN_MS - this.#world.now;
  }

  async run({ place, name, args, asking }: Step): Promise<string> {
    const { session, replies } = this.#sessions[place]!;
    const { redis } = this.cluster.nodes[place]!;
    if (asking) redis.receive(session, [{ name: 'ASKING', args: [] }]);
    redis.receive(session, [
      name === 'WRITE' ? { name: 'EVAL', args: ['ratecacheWrite', ...args] } : { name, args },
    ]);
    await this.#pass(5);
    const reply = replies.splice(0).at(-1);
    return shownReply(name, reply, (address) => Number(/^10\.0\.0\.(\d)/.exec(address)![1]) - 1);
  }

  values(): Promise<readonly string[]> {
    return valuesAt(this);
  }

  async beginMove(slot: number, from: number, to: number): Promise<void> {
    const { nodes } = this.cluster;
    assert.ok(this.cluster.beginMove([slot], nodes[from]!, nodes[to]!));
  }

  async carry(key: string): Promise<void> {
    this.cluster.carry(key);
  }

  async endMove(slot: number): Promise<void> {
    this.cluster.endMove([slot]);
    await this.#pass(1000);
  }

  async failover(master: number): Promise<void> {
    this.cluster.handOver(this.cluster.masters.findIndex(({ place }) => place === master));
    await this.#pass(2000);
  }

  async reports(): Promise<Reports> {
    await this.#pass(50);
    return this.#links.map((link) => link.take());
  }

  #pass(ms: number): Promise<void> {
    return apart(() => this.#world.run(this.#world.now + ms));
  }
}

/** The channels of the keys whose slots the node owns at the start. */
function channelsAt(place: number): string[] {
  const own = (key: string) => Math.floor((keySlot(key) * MASTERS) / 16_384) === place;
  return [...new Set(KEYS.filter(own).map(channelOf))];
}
