/** A program that reads through the near cache of the Python client, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../../loadtest/support/until.ts';
import { PYTHON, pythonEnv } from '../client/python.ts';
import type { History } from './history.ts';
import type { ActorDeps } from './http-actors.ts';
import { HOT_KEYS, KEYS } from './keys.ts';
import { FIRST, type NearReading } from './near-reader.ts';

const PROGRAM = fileURLToPath(new URL('near_reader.py', import.meta.url));
const PATIENCE_MS = 30_000;

/** A line of `near_reader.py`. */
interface Line {
  readonly ready?: boolean;
  readonly stopped?: boolean;
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly losses?: number;
  readonly reads?: readonly PythonRead[];
}

interface PythonRead {
  readonly key: string;
  readonly n: number;
  readonly version: string | null;
  readonly start: number;
  readonly end: number;
  readonly losses: number;
  readonly coherent: boolean;
  readonly marked: boolean;
  readonly near: boolean;
  readonly down: boolean;
}

export class PythonReader implements NearReading {
  hits = 0;
  losses = 0;
  readonly violations: string[] = [];
  readonly name: string;
  readonly #first: number;
  readonly #process: ChildProcess;
  /** Python's monotonic clock counts from another time than `performance.now()`. */
  readonly #offset = performance.now() - Number(process.hrtime.bigint()) / 1e6;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #history: History | undefined;
  #isReady = false;
  #isStopped = false;

  private constructor(child: ChildProcess, place: number) {
    this.#process = child;
    this.#first = FIRST * (place + 1);
    this.name = `near cache ${place} (Python)`;
    createInterface({ input: child.stdout! }).on('line', (line) => this.#onLine(JSON.parse(line)));
  }

  /** @param defect a deliberate defect of `near_reader.py` */
  static async open(ports: readonly number[], place: number, defect?: string): Promise<PythonReader> {
    const options = {
      addresses: ports.map((port) => `ws://127.0.0.1:${port}`),
      maxEntries: 10_000,
      hot: HOT_KEYS,
      cold: KEYS.cold,
      seed: place,
      defect,
    };
    const stdio = ['pipe', 'pipe', 'inherit'] as const;
    const child = spawn(PYTHON, [PROGRAM, JSON.stringify(options)], { stdio: [...stdio], env: pythonEnv() });
    const reader = new PythonReader(child, place);
    await until(() => reader.#isReady, { timeoutMs: PATIENCE_MS });
    return reader;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  async run({ history, stopped }: ActorDeps): Promise<void> {
    this.#history = history;
    this.#send({ do: 'start' });
    while (!stopped()) await sleep(5);
    this.#send({ do: 'stop' });
    await until(() => this.#isStopped, { timeoutMs: PATIENCE_MS });
  }

  async versionOf(key: string): Promise<string | undefined> {
    return ((await this.#ask({ do: 'version', key })) as string | null) ?? undefined;
  }

  async trusts(): Promise<void> {
    await until(() => this.#ask({ do: 'state' }), { timeoutMs: PATIENCE_MS });
  }

  #ask(command: object): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#open.set(id, answer);
    this.#send({ id, ...command });
    return answer.promise;
  }

  #send(command: object): void {
    this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  #onLine({ ready, stopped, id, result, error, losses, reads }: Line): void {
    if (ready) this.#isReady = true;
    if (stopped) this.#isStopped = true;
    if (losses !== undefined) this.losses = losses;
    for (const read of reads ?? []) this.#onRead(read);
    const answer = this.#open.get(id ?? 0);
    this.#open.delete(id ?? 0);
    if (error === undefined) answer?.resolve(result);
    else answer?.reject(new Error(error));
  }

  #onRead({ key, n, version, start, end, losses, coherent, marked, near, down }: PythonRead): void {
    if (near) this.hits++;
    if (down) this.violations.push(`${this.name} served ${key} without a connection`);
    this.#history?.reads.push({
      replica: this.#first + losses,
      key,
      n,
      version: version ?? undefined,
      start: start + this.#offset,
      end: end + this.#offset,
      coherence: coherent ? '' : 'degraded',
      marked,
    });
  }
}
