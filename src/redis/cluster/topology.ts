import type { Redis } from 'ioredis';
import { withDeadline } from '../deadline.ts';
import type { Address, AddressMap } from './address.ts';
import { type SlotTable, slotTable } from './slot-table.ts';

export interface TopologyDeps {
  /** The connections to nodes that can be asked now. */
  readonly connected: () => readonly (readonly [Address, Redis])[];
  /** Opens a connection that the topology closes again. The caller of `connect` waits for it. */
  readonly openOnce: (address: Address) => Redis;
  /** The nodes of the configuration. */
  readonly seeds: readonly Address[];
  readonly addresses: AddressMap;
  /** Called with each table. */
  readonly onTable: (table: SlotTable) => void;
  /** Whether a master does not answer, or its link is down: its replica may replace it soon. */
  readonly unwell: () => boolean;
  /** Called when no node answered. */
  readonly onFault: (error: Error) => void;
}

const TICK_MS = 250;
/** While all masters are well, the table is read in every 20th tick. MOVED reports most changes earlier. */
const CALM_TICKS = 20;
/** How long a node may take to answer. */
const ASK_TIMEOUT_MS = 500;
/** The most nodes that are asked at the same time. */
const WITNESSES = 3;

/**
 * Reads the table of slots: when it starts, every five seconds, after a redirect, and four times a second while a master
 * does not answer. It asks up to three nodes at the same time, and uses the table with the greatest epoch: a master that
 * was cut off from the others still has its old table.
 */
export class Topology {
  readonly #deps: TopologyDeps;
  readonly #timer: NodeJS.Timeout;
  #known = false;
  #nodes: ReadonlySet<Address> = new Set();
  #ticks = 0;
  #due = false;
  #reading: Promise<void> | undefined;
  #offset = 0;

  constructor(deps: TopologyDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
    void this.refresh();
  }

  /** The table may be outdated. Reads it at the next tick: resharding redirects many commands in a row. */
  suspect(): void {
    this.#due = true;
  }

  /** Resolves when the table has been read; undefined while it is not being read. */
  get reading(): Promise<void> | undefined {
    return this.#reading;
  }

  /** Reads the table now. Never rejects. */
  refresh(): Promise<void> {
    this.#due = false;
    this.#ticks = 0;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.#due || ++this.#ticks >= CALM_TICKS || !this.#known || this.#deps.unwell()) void this.refresh();
  }

  async #read(): Promise<void> {
    const { onTable, onFault } = this.#deps;
    const connected = this.#deps.connected();
    const answers = await Promise.allSettled(
      this.#some(connected).map(([address, redis]) => this.#ask(address, redis)),
    );
    if (!answers.some(isTable)) answers.push(...(await this.#askOthers(connected)));
    const tables = answers.filter(isTable).map(({ value }) => value);
    const newest = tables.sort((a, b) => b.epoch - a.epoch)[0];
    if (newest === undefined) {
      const [first] = answers;
      const silent = answers.every(({ status }) => status === 'rejected') && first !== undefined;
      return onFault(
        silent
          ? (first as PromiseRejectedResult).reason
          : new Error('no node of the Cluster can serve (cluster_state is not ok)'),
      );
    }
    this.#known = true;
    this.#nodes = newest.nodes;
    onTable(newest);
  }

  /** Returns up to three nodes, others each time. */
  #some<T>(nodes: readonly T[]): T[] {
    this.#offset++;
    const start = this.#offset % Math.max(1, nodes.length);
    return [...nodes.slice(start), ...nodes.slice(0, start)].slice(0, WITNESSES);
  }

  /** Asks the nodes of the configuration and of the last table, over connections of their own. */
  #askOthers(
    connected: TopologyDeps['connected'] extends () => infer T ? T : never,
  ): Promise<PromiseSettledResult<SlotTable | undefined>[]> {
    const known = new Set(connected.map(([address]) => address));
    const others = [...new Set([...this.#deps.seeds, ...this.#nodes])].filter((each) => !known.has(each));
    return Promise.allSettled(
      this.#some(others).map(async (address) => {
        const redis = this.#deps.openOnce(address);
        try {
          await redis.connect();
          return await this.#ask(address, redis);
        } finally {
          redis.disconnect();
        }
      }),
    );
  }

  async #ask(address: Address, redis: Redis): Promise<SlotTable | undefined> {
    const replies = Promise.all([redis.call('CLUSTER', 'INFO'), redis.call('CLUSTER', 'SLOTS')]);
    const [info, slots] = await withDeadline(replies, ASK_TIMEOUT_MS);
    return slotTable(info, slots, address, this.#deps.addresses);
  }
}

function isTable(
  answer: PromiseSettledResult<SlotTable | undefined>,
): answer is PromiseFulfilledResult<SlotTable> {
  return answer.status === 'fulfilled' && answer.value !== undefined;
}
