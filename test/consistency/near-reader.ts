/** A program that reads through the near cache of the TypeScript client, with the policy `strict`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pick } from '../../loadtest/support/random.ts';
import { until } from '../../loadtest/support/until.ts';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/node.ts';
import type { Result } from '../../src/client/result.ts';
import type { Read } from './history.ts';
import type { ActorDeps } from './http-actors.ts';
import { ALL_KEYS, HOT_KEYS, KEYS } from './keys.ts';

const CONNECT_TIMEOUT_MS = 30_000;
const READ_TIMEOUT_MS = 500;
/** Reads in a row. The pause after them lets events arrive. */
const READS = 8;
/** The numbers of readers begin after those of replicas. Each connection of a reader has a separate number. */
export const FIRST = 1000;

/** Whether a reader with a near cache made the read. */
export function isNear({ replica }: Read): boolean {
  return replica >= FIRST;
}

/** A program with a near cache. */
export interface NearReading {
  readonly name: string;
  /** Reads from memory. */
  readonly hits: number;
  /** Lost connections. */
  readonly losses: number;
  readonly violations: readonly string[];
  run(deps: ActorDeps): Promise<void>;
  /** The version of the key; undefined if the near cache does not know it and the service has no value. */
  versionOf(key: string): Promise<string | undefined>;
  /** Waits until entries may be served from memory. */
  trusts(): Promise<void>;
  close(): Promise<void>;
}

export class NearReader implements NearReading {
  hits = 0;
  readonly violations: string[] = [];
  losses = 0;
  readonly name: string;
  readonly #client: Client;
  readonly #first: number;

  private constructor(client: Client, place: number) {
    this.#client = client;
    this.#first = FIRST * (place + 1);
    this.name = `near cache ${place}`;
    client.onState(({ connection }) => {
      if (connection === 'down') this.losses++;
    });
  }

  /** @param ports of the replicas, or of proxies before them */
  static async open(ports: readonly number[], place: number, maxEntries: number): Promise<NearReader> {
    const addresses = ports.map((port) => `ws://127.0.0.1:${port}`);
    const options = { nearCache: { maxEntries }, connectTimeoutMs: CONNECT_TIMEOUT_MS };
    return new NearReader(await connect(addresses, options), place);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** First reads every key once. So it can miss a change of any key, also on a busy machine, where it reads little. */
  async run({ history, random, stopped }: ActorDeps): Promise<void> {
    await this.#client.getMany(ALL_KEYS, { timeoutMs: CONNECT_TIMEOUT_MS }).catch(() => {});
    while (!stopped()) {
      for (let i = 0; i < READS; i++)
        history.reads.push(...(await this.#read(pick(random() < 0.4 ? HOT_KEYS : KEYS.cold, random))));
      await sleep(1);
    }
  }

  async versionOf(key: string): Promise<string | undefined> {
    return (await this.#client.get(key, { timeoutMs: READ_TIMEOUT_MS })).version;
  }

  async trusts(): Promise<void> {
    await until(() => this.#client.state.isTrusted, { timeoutMs: CONNECT_TIMEOUT_MS });
  }

  async #read(key: string): Promise<Read[]> {
    const start = performance.now();
    // A switch to another replica may show an older version, so each connection counts as another replica.
    const replica = this.#first + this.losses;
    const result = await this.#client.get(key, { timeoutMs: READ_TIMEOUT_MS }).catch(() => undefined);
    if (result === undefined) return [];
    if (result.tier === 'near-cache') this.hits++;
    // A lost connection keeps no entry current. Unlike a time, this does not depend on how busy the machine is.
    if (result.tier === 'near-cache' && this.#client.state.connection === 'down')
      this.violations.push(`${this.name} served ${key} without a connection`);
    const { status, code, value, version } = result as Result<{ readonly n: number }>;
    const marked = code !== undefined;
    if (status === 'miss' && marked) return [];
    const coherence = result.state === 'coherent' ? '' : 'degraded';
    return [{ replica, key, n: value?.n ?? 0, version, start, end: performance.now(), coherence, marked }];
  }
}
