/** The processes of the supervisor: starts them, restarts those that die, replaces and stops them. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Environment } from '../../config/config.ts';
import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../log.ts';
import { backoffMs, LONGEST_MS } from '../../redis/backoff.ts';
import { type Asked, Child, type Exit, exitText, type Invocation } from './child.ts';

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

  constructor(exit: Exit) {
    super(`the first process ended before it listened (${exitText(exit)})`);
    this.exitCode = exit.code || 1;
  }
}

interface Slot {
  readonly process: number;
  child: Child | undefined;
  /** Those of `child`. */
  settings: Settings;
  /** Ends in a row soon after the start. */
  failures: number;
  /** Resolves when a process of this number has listened for the first time. */
  readonly listened: PromiseWithResolvers<void>;
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
  readonly #stopped = new AbortController();
  readonly #whenStopped: Promise<unknown>;

  constructor(options: ProcessesOptions, settings: Settings) {
    this.#options = options;
    this.#settings = settings;
    this.#slots = Array.from({ length: options.count }, (_, i) => ({
      process: i + 1,
      child: undefined,
      settings,
      failures: 0,
      listened: Promise.withResolvers<void>(),
    }));
    this.#whenStopped = once(this.#stopped.signal, 'abort');
  }

  /** The current process of each number; undefined while it restarts. */
  get current(): readonly { readonly process: number; readonly child: Child | undefined }[] {
    return this.#slots;
  }

  /** The newest that a process has. */
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

  /** Resolves when the first process listens. */
  get firstListens(): Promise<void> {
    return this.#slots[0]!.listened.promise;
  }

  /**
   * Starts the first process, and the others when it listens: so an invalid configuration is reported once. Waits until
   * all have listened.
   * @returns false if the processes were stopped before
   * @throws FirstStartFailed if the first process ends before it listens
   */
  async start(): Promise<boolean> {
    const [first, ...others] = this.#slots as [Slot, ...Slot[]];
    const child = this.#spawn(first.process);
    const early = await Promise.race([child.listening, child.exited]);
    if (this.#stopping) return false;
    if (early !== undefined) throw new FirstStartFailed(early);
    this.#take(first, child);
    for (const slot of others) this.#take(slot, this.#spawn(slot.process));
    await Promise.race([Promise.all(this.#slots.map(({ listened }) => listened.promise)), this.#whenStopped]);
    return !this.#stopping;
  }

  /**
   * Replaces the processes one after another. Each stops when its successor is ready.
   * @returns how many were replaced; if a new process does not become ready, the remaining ones stay
   */
  async replace(settings: Settings): Promise<number> {
    let replaced = 0;
    for (const slot of this.#slots) {
      if (this.#stopping) return replaced;
      const successor = this.#spawn(slot.process, settings);
      const reason = await this.#whyNotReady(successor, settings);
      if (this.#stopping) return replaced;
      if (reason !== undefined) {
        this.#options.log.error(
          { process: slot.process, reason, replaced },
          'the new process did not become ready; the remaining processes keep the configuration before',
        );
        await this.#stop(successor);
        return replaced;
      }
      this.#settings = settings;
      const before = slot.child;
      this.#take(slot, successor);
      replaced++;
      if (before !== undefined) await this.#stop(before);
    }
    return replaced;
  }

  /** Stops all processes. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([...this.#running].map((child) => this.#stop(child)));
  }

  /** Ends all processes at once. */
  kill(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }

  get #stopping(): boolean {
    return this.#stopped.signal.aborted;
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
  #take(slot: Slot, child: Child, settings = this.#settings): void {
    slot.child = child;
    slot.settings = settings;
    void child.listening.then(slot.listened.resolve);
    const startedAt = performance.now();
    void child.exited.then((exit) => this.#ended(slot, child, exit, performance.now() - startedAt));
  }

  async #ended(slot: Slot, child: Child, exit: Exit, livedMs: number): Promise<void> {
    if (slot.child !== child || this.#stopping) return;
    slot.child = undefined;
    slot.failures = livedMs > LONGEST_MS ? 0 : slot.failures + 1;
    const pauseMs = Math.round(backoffMs(slot.failures));
    const { code, signal, error } = exit;
    this.#options.log.error(
      {
        process: slot.process,
        child_pid: child.pid,
        code,
        signal,
        error: error?.message,
        restart_in_ms: pauseMs,
      },
      'a process ended; it will be restarted',
    );
    await pause(pauseMs, undefined, { signal: this.#stopped.signal }).catch(() => {});
    if (this.#stopping || slot.child !== undefined) return;
    this.restarts++;
    // After a replacement that stopped before this slot, these are not the newest.
    this.#take(slot, this.#spawn(slot.process, slot.settings), slot.settings);
  }

  /** Waits until the process is ready. @returns why it did not become ready in time; undefined if it is ready */
  async #whyNotReady(child: Child, { config }: Settings): Promise<string | undefined> {
    const deadline = performance.now() + 2 * config.warmup.timeoutMs + READY_EXTRA_MS;
    let ended: string | undefined;
    void child.exited.then((exit) => {
      ended = `it ended (${exitText(exit)})`;
    });
    let reason: string | undefined = 'it is starting';
    while (ended === undefined && !this.#stopping && performance.now() < deadline) {
      reason = await child.ask('notReady').catch((error: Error) => error.message);
      if (reason === undefined) return undefined;
      await pause(READY_POLL_MS);
    }
    return ended ?? reason;
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
