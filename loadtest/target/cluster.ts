import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { until } from '../support/until.ts';
import { freePort, type RedisOptions, type RedisServer, startRedis } from './redis-server.ts';

const slotOf = createRequire(import.meta.url)('cluster-key-slot') as (key: string) => number;

/** An election that takes longer has failed. Redis aborts it after five seconds. */
const ELECTION_MS = 6000;
const START_TIMEOUT_MS = 60_000;
const TRIES = 5;
/** The bus of a node listens on its port plus this. */
export const BUS_OFFSET = 10_000;

export type ClusterOptions = {
  readonly masters?: number;
  readonly replicasEach?: number;
  /** How long a node does not answer before the others replace it. */
  readonly nodeTimeoutMs?: number;
  /** Further options of each redis-server. */
  readonly args?: readonly string[];
  /** Returns further options of the node on this port. */
  readonly argsOf?: (port: number) => Promise<readonly string[]>;
  /** Returns the port that a node announces for its bus, from the port on which its bus listens. */
  readonly announcedBusPort?: (busPort: number) => Promise<number>;
};

/** A node as `CLUSTER NODES` lists it. */
export type ClusterNode = {
  readonly id: string;
  readonly port: number;
  readonly master: boolean;
  /** The id of its master, for a replica. */
  readonly of: string | undefined;
  readonly failed: boolean;
  readonly slots: readonly (readonly [first: number, last: number])[];
};

/** A real Redis Cluster on 127.0.0.1. End it with `t.after(() => cluster.stop())`. */
export type RedisCluster = {
  /** All servers: the first masters, then their replicas. */
  readonly servers: readonly RedisServer[];
  /** `REDIS_CLUSTER_NODES` for a service. */
  readonly addresses: string;
  /** The nodes as one node that answers sees them. */
  nodes(): Promise<ClusterNode[]>;
  /** The server that owns the slot of a key now. */
  ownerOf(key: string): Promise<RedisServer>;
  /** A replica of the server. */
  replicaOf(server: RedisServer): Promise<RedisServer>;
  /** Returns the id of the node. */
  idOf(server: RedisServer): Promise<string>;
  /** Moves this many slots from one master to another, with all their keys. */
  reshard(slots: number, from: RedisServer, to: RedisServer): Promise<void>;
  /** Starts one more server, and joins it as a master without slots. */
  addMaster(): Promise<RedisServer>;
  /** Resolves when every slot has a master, every node agrees, and every replica is synchronised. */
  settled(): Promise<void>;
  /** Makes a replica the master, and waits until every node agrees. */
  failover(replica: RedisServer): Promise<void>;
  /** Runs redis-cli against the owner of the key. */
  cli(key: string, ...args: string[]): Promise<string>;
  stop(): Promise<void>;
};

/** Starts a cluster, by default of three masters with a replica each. It ends with this process at the latest. */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicasEach = 1 } = options;
  const count = masters * (1 + replicasEach);
  const servers: RedisServer[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (let i = 0; i < count; i++) servers.push(await startNode(options));
    const addresses = servers.map(addressOf);
    await clusterCli('create', ...addresses, '--cluster-replicas', String(replicasEach), '--cluster-yes');
    const cluster = new Running(servers, options, stop);
    await cluster.settled();
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

class Running implements RedisCluster {
  readonly servers: RedisServer[];
  readonly stop: () => Promise<void>;
  readonly #options: ClusterOptions;

  constructor(servers: RedisServer[], options: ClusterOptions, stop: () => Promise<void>) {
    this.servers = servers;
    this.#options = options;
    this.stop = stop;
  }

  get addresses(): string {
    return this.servers.map(addressOf).join(',');
  }

  async nodes(): Promise<ClusterNode[]> {
    return this.#firstAnswer((server) => nodesOf(server));
  }

  async ownerOf(key: string): Promise<RedisServer> {
    const slot = slotOf(key);
    const owner = (await this.nodes()).find(
      ({ master, failed, slots }) =>
        master && !failed && slots.some(([first, last]) => first <= slot && slot <= last),
    );
    if (owner === undefined) throw new Error(`no master owns slot ${slot}`);
    return this.#at(owner.port);
  }

  async replicaOf({ port }: RedisServer): Promise<RedisServer> {
    const nodes = await this.nodes();
    const master = nodes.find((node) => node.port === port)!;
    const replica = nodes.find((node) => node.of === master.id && !node.failed);
    if (replica === undefined) throw new Error(`the node on port ${port} has no replica`);
    return this.#at(replica.port);
  }

  idOf(server: RedisServer): Promise<string> {
    return server.cli('CLUSTER', 'MYID');
  }

  async reshard(slots: number, from: RedisServer, to: RedisServer): Promise<void> {
    const [source, target] = await Promise.all([this.idOf(from), this.idOf(to)]);
    await clusterCli(
      'reshard',
      addressOf(from),
      ...['--cluster-from', source, '--cluster-to', target],
      ...['--cluster-slots', String(slots), '--cluster-yes'],
    );
  }

  async addMaster(): Promise<RedisServer> {
    const server = await startNode(this.#options);
    this.servers.push(server);
    const [known] = this.servers;
    await server.cli('CLUSTER', 'MEET', '127.0.0.1', String(known!.port));
    await until(async () => (await nodesOf(server)).length === this.servers.length, {
      timeoutMs: START_TIMEOUT_MS,
    });
    await this.settled();
    return server;
  }

  /** The replica takes over from its master. A Cluster may undo the election, so it is repeated. */
  async failover(replica: RedisServer): Promise<void> {
    const isMaster = async () =>
      (await nodesOf(replica)).some(({ port, master }) => master && port === replica.port);
    await until(
      async () => {
        await replica.cli('CLUSTER', 'FAILOVER').catch(() => undefined);
        return until(isMaster, { timeoutMs: ELECTION_MS }).catch(() => false);
      },
      { timeoutMs: START_TIMEOUT_MS },
    );
    await this.settled();
  }

  async settled(): Promise<void> {
    await until(() => this.#isSettled().catch(() => false), { timeoutMs: START_TIMEOUT_MS, everyMs: 50 });
  }

  async cli(key: string, ...args: string[]): Promise<string> {
    return (await this.ownerOf(key)).cli(...args);
  }

  async #isSettled(): Promise<boolean> {
    const views = await Promise.all(
      this.servers.map(async (server) => {
        const info = await server.cli('CLUSTER', 'INFO');
        if (!info.includes('cluster_state:ok') || !info.includes('cluster_slots_ok:16384')) return undefined;
        const replication = await server.cli('INFO', 'replication');
        if (replication.includes('role:slave') && !replication.includes('master_link_status:up'))
          return undefined;
        const nodes = await nodesOf(server);
        if (nodes.some(({ failed }) => failed)) return undefined;
        return JSON.stringify(nodes.map(({ id, of, slots }) => [id, of, slots]).sort());
      }),
    );
    return views[0] !== undefined && views.every((view) => view === views[0]);
  }

  async #firstAnswer<T>(ask: (server: RedisServer) => Promise<T>): Promise<T> {
    return Promise.any(this.servers.map(ask));
  }

  #at(port: number): RedisServer {
    return this.servers.find((server) => server.port === port)!;
  }
}

async function startNode({
  nodeTimeoutMs = 2000,
  args = [],
  argsOf,
  announcedBusPort,
}: ClusterOptions): Promise<RedisServer> {
  const cluster = [
    ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
    ...['--cluster-node-timeout', String(nodeTimeoutMs), '--repl-diskless-sync-delay', '0'],
    ...['--enable-debug-command', 'local'],
  ];
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const announced = await announcedBusPort?.(port + BUS_OFFSET);
    const bus = announced === undefined ? [] : ['--cluster-announce-bus-port', String(announced)];
    const own = (await argsOf?.(port)) ?? [];
    const options: RedisOptions = { port, args: [...cluster, ...bus, ...args, ...own] };
    try {
      return await startRedis(options);
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}

/** Reads `<id> <ip>:<port>@<bus> <flags> <master> <ping> <pong> <epoch> <link> <slot> …`. */
async function nodesOf(server: RedisServer): Promise<ClusterNode[]> {
  const lines = (await server.cli('CLUSTER', 'NODES')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [id, address, flags, of, , , , link, ...slots] = line.split(' ');
    return {
      id: id!,
      port: Number(/:(\d+)@/.exec(address!)?.[1]),
      master: flags!.includes('master'),
      of: of === '-' ? undefined : of,
      failed: /\bfail\b|noaddr/.test(flags!) || (link === 'disconnected' && !flags!.includes('myself')),
      slots: slots
        .filter((slot) => !slot.startsWith('['))
        .map((range) => {
          const [first, last = first] = range.split('-').map(Number);
          return [first!, last!] as const;
        }),
    };
  });
}

function addressOf({ port }: RedisServer): string {
  return `127.0.0.1:${port}`;
}

async function clusterCli(...args: string[]): Promise<void> {
  try {
    await promisify(execFile)('redis-cli', ['--cluster', ...args], { maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    throw new Error(`redis-cli --cluster ${args[0]} failed:\n${stdout?.slice(-2000)}`, { cause: error });
  }
}
