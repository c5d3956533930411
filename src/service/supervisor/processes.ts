/** The processes of the supervisor: starts them, restarts those that die, replaces and stops them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Environment } from '../../config/config.ts';
import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../log.ts';
import { backoffMs, LONGEST_MS } from '../../redis/backoff.ts';
import { type Asked, Child, type Exit, type Invocation } from './child.ts';

/** How long a process may take to stop beyond the configured times: two seconds are for pending writes. */
const STOP_EXTRA_MS = 5000;
/** How long a new process may take to become ready beyond its warm-up. */
const READY_EXTRA_MS = 10_000;
const READY_POLL_MS = 50;

export interface ProcessesOptions {
  readonly count: number;
  readonly log: Logger;
  /** The command line of process `n`. */
  readonly invocation: (n: number) => Invocation;
  /** The environment of a process with these settings. */
  readonly environment: (settings: Settings) => Environment;
  /** Answers processes that ask about the whole service. */
  readonly asked: () => Asked;
}

/** The first process ended before it listened. It has explained why on standard error. */
export class FirstStartFailed extends Error {
  readonly exitCode: number;

  constructor({ code, signal }: Exit) {
    super(`the first process ended before it listened (${signal ?? `exit code ${code}`})`);
    this.exitCode = code || 1;
  }
}

interface Slot {
  readonly process: number;
  child: Child | undefined;
  /** Those of `child`. */
  settings: Settings;
  /** Ends in a row soon after the start. */
  failures: number;
}

export class Processes {
  /** Restarts of processes that died. */
  restarts = 0;
  readonly #options: ProcessesOptions;
  readonly #slots: readonly Slot[];
  /** Every process that runs, also one that is being replaced. */
  readonly #running = new Set<Child>();
  /** Called with each process that has ended. */
  onEnd: (child: Child) => void = () => {};
  #settings: Settings;
  #stopping = false;
  readonly #stopped = new AbortController();

  constructor(options: ProcessesOptions, settings: Settings) {
    this.#options = options;
    this.#settings = settings;
    this.#slots = Array.from({ length: options.count }, (_, i) => ({
      process: i + 1,
      child: undefined,
      settings,
      failures: 0,
    }));
  }

  /** The current process of each number; undefined while it restarts. */
  get current(): readonly { readonly process: number; readonly child: Child | undefined }[] {
    return this.#slots;
  }

  /** Those of the process that was started last. */
  get settings(): Settings {
    return this.#settings;
  }

  /** How many processes still have the settings before. */
  get behind(): number {
    return this.#slots.filter(({ settings }) => settings !== this.#settings).length;
  }

  get running(): ReadonlySet<Child> {
    return this.#running;
  }

  /**
   * Starts the first process, and the others when it listens: so an invalid configuration is reported once.
   * @throws FirstStartFailed if the first process ends before it listens
   */
  async start(): Promise<void> {
    const [first, ...others] = this.#slots as [Slot, ...Slot[]];
    const child = this.#spawn(first.process);
    const early = await Promise.race([child.listening, child.exited]);
    if (early !== undefined) throw new FirstStartFailed(early);
    this.#take(first, child);
    for (const slot of others) this.#take(slot, this.#spawn(slot.process));
    await Promise.all(this.#slots.map(({ child }) => child!.listening));
  }

  /**
   * Replaces the processes one after another. Each stops when its successor is ready.
   * @returns whether all were replaced; if a new process does not become ready, the remaining ones stay
   */
  async replace(settings: Settings): Promise<boolean> {
    for (const slot of this.#slots) {
      if (this.#stopping) return false;
      const successor = this.#spawn(slot.process, settings);
      if (!(await this.#becomesReady(successor, settings))) {
        this.#options.log.error(
          { process: slot.process },
          'the new process did not become ready; the remaining processes keep the configuration before',
        );
        await this.#stop(successor);
        return false;
      }
      this.#settings = settings;
      const before = slot.child;
      this.#take(slot, successor);
      if (before !== undefined) await this.#stop(before);
    }
    return true;
  }

  /** Stops all processes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopped.abort();
    await Promise.all([...this.#running].map((child) => this.#stop(child)));
  }

  /** Ends all processes at once. */
  kill(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }

  #spawn(process: number, settings = this.#settings): Child {
    const { invocation, environment, asked } = this.#options;
    const child = new Child(process, invocation(process), environment(settings), asked);
    this.#running.add(child);
    void child.exited.then(() => {
      this.#running.delete(child);
      this.onEnd(child);
    });
    return child;
  }

  /** Makes the process the current one of its number: if it dies, it is restarted. */
  #take(slot: Slot, child: Child): void {
    slot.child = child;
    slot.settings = this.#settings;
    const startedAt = performance.now();
    void child.exited.then((exit) => this.#ended(slot, child, exit, performance.now() - startedAt));
  }

  async #ended(slot: Slot, child: Child, { code, signal }: Exit, livedMs: number): Promise<void> {
    if (slot.child !== child || this.#stopping) return;
    slot.child = undefined;
    slot.failures = livedMs > LONGEST_MS ? 0 : slot.failures + 1;
    const pauseMs = Math.round(backoffMs(slot.failures));
    const line = { process: slot.process, child_pid: child.pid, code, signal, restart_in_ms: pauseMs };
    this.#options.log.error(line, 'a process ended; it will be restarted');
    await pause(pauseMs, undefined, { signal: this.#stopped.signal }).catch(() => {});
    if (this.#stopping || slot.child !== undefined) return;
    this.restarts++;
    this.#take(slot, this.#spawn(slot.process));
  }

  async #becomesReady(child: Child, { config }: Settings): Promise<boolean> {
    const deadline = performance.now() + 2 * config.warmup.timeoutMs + READY_EXTRA_MS;
    let ended = false;
    void child.exited.then(() => {
      ended = true;
    });
    while (!ended && !this.#stopping && performance.now() < deadline) {
      const reason = await child.ask('notReady').catch((error: Error) => error.message);
      if (reason === undefined) return true;
      await pause(READY_POLL_MS);
    }
    return false;
  }

  async #stop(child: Child): Promise<void> {
    const { graceMs, timeoutMs } = this.#settings.config.shutdown;
    if (await child.stop(graceMs + timeoutMs + STOP_EXTRA_MS)) return;
    this.#options.log.error(
      { process: child.process, child_pid: child.pid },
      'the process did not stop in time; it was killed',
    );
  }
}
