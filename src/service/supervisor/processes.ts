/** The processes of the supervisor: starts them, restarts processes that die, replaces and stops them. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../log.ts';
import { backoffMs, LONGEST_MS } from '../../redis/backoff.ts';
import { Child, type ChildOptions, type Exit, exitText } from './child.ts';

/** How long a process may take to stop beyond the configured times: two seconds for pending writes, and two for traces. */
const STOP_EXTRA_MS = 5000;
/** How long a process may take to listen, beyond the time that it waits for Redis. */
const START_EXTRA_MS = 60_000;
/** How long a process may take to end after a second signal. */
const END_NOW_MS = 500;
/** How long a new process may take to become ready, beyond its warm-up and the time that it waits for Redis. */
const READY_EXTRA_MS = 10_000;
const READY_POLL_MS = 50;
const DRAIN_MS = 5000;

export interface ProcessesOptions extends ChildOptions {
  readonly count: number;
  readonly log: Logger;
  /** How long a process that is replaced may take to apply its pending writes in Redis: by default 5 s. */
  readonly drainMs?: number;
  /** How long a process may take to listen, beyond the time that it waits for Redis: by default a minute. */
  readonly startExtraMs?: number;
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
  /** The settings of `child`. */
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

  /** The newest settings that a process has. */
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
    if (this.stopping) return false;
    if (early !== undefined) throw new FirstStartFailed(early);
    this.#take(first, child);
    for (const slot of others) this.#take(slot, this.#spawn(slot.process));
    await Promise.race([Promise.all(this.#slots.map(({ listened }) => listened.promise)), this.#whenStopped]);
    return !this.stopping;
  }

  /**
   * Replaces the processes one after another. Each stops when its successor is ready and it has no pending writes.
   * @returns how many were replaced; if a process cannot be replaced, the remaining ones stay
   */
  async replace(settings: Settings): Promise<number> {
    // All processes are checked first. Otherwise they would have different configurations when one of them cannot be
    // replaced.
    const kept = await Promise.all(this.#slots.map((slot) => this.#keepsWrites(slot, 0)));
    if (kept.includes(true)) return 0;
    let replaced = 0;
    for (const slot of this.#slots) {
      if (!(await this.#replaceOne(slot, settings, replaced))) break;
      replaced++;
    }
    return replaced;
  }

  /** @returns whether the process was replaced */
  async #replaceOne(slot: Slot, settings: Settings, replaced: number): Promise<boolean> {
    if (this.stopping || (await this.#keepsWrites(slot, replaced))) return false;
    const successor = this.#spawn(slot.process, settings);
    const notReady = await this.#whyNotReady(successor, settings);
    // Redis may have failed since the first question.
    const kept = notReady === undefined && (await this.#keepsWrites(slot, replaced));
    if (this.stopping) return false;
    // The successor may have ended while the process before applied its pending writes.
    const exit = await Promise.race([successor.exited, undefined]);
    const reason = notReady ?? (exit && `it ended (${exitText(exit)})`);
    if (reason !== undefined)
      this.#options.log.error(
        { process: slot.process, reason, replaced },
        'the new process is not ready; the remaining processes keep the configuration before',
      );
    if (reason !== undefined || kept) {
      await this.#dismiss(successor);
      return false;
    }
    this.#settings = settings;
    const before = slot.child;
    this.#take(slot, successor);
    if (before !== undefined) await this.#stop(before);
    return true;
  }

  /** Whether the process of the slot cannot be replaced now, because its pending writes would be lost. Logs how many. */
  async #keepsWrites({ process, child }: Slot, replaced: number): Promise<boolean> {
    const writes = child === undefined ? 0 : await this.#pendingAfter(child);
    if (writes === 0 || this.stopping) return false;
    const fields = { process, pending_writes: writes, replaced };
    if (writes === undefined)
      this.#options.log.error(
        fields,
        'not replaced: the process does not answer; send SIGHUP again when it does',
      );
    else
      this.#options.log.error(
        fields,
        'not replaced: writes are pending; send SIGHUP again when Redis answers',
      );
    return true;
  }

  /** Stops a new process that is not needed. It has accepted requests, so its pending writes must reach Redis before. */
  async #dismiss(successor: Child): Promise<void> {
    const writes = await this.#pendingAfter(successor);
    if (writes !== undefined && writes > 0) {
      this.#options.log.warn(
        { process: successor.process, child_pid: successor.pid, pending_writes: writes },
        'the new process runs until Redis has its pending writes',
      );
      await this.#pendingAfter(successor, Number.POSITIVE_INFINITY);
    }
    if (!this.stopping) await this.#stop(successor);
  }

  /**
   * Waits until Redis has the pending writes of the process.
   * @returns how many are left after `timeoutMs`; undefined if it did not answer, and 0 if it accepts no requests
   */
  async #pendingAfter(
    child: Child,
    timeoutMs = this.#options.drainMs ?? DRAIN_MS,
  ): Promise<number | undefined> {
    const deadline = performance.now() + timeoutMs;
    let writes: number | undefined = 0;
    while (child.listens && this.#running.has(child) && !this.stopping) {
      writes = await child.ask('pendingWrites').catch(() => undefined);
      if (writes === 0 || performance.now() >= deadline) return writes;
      await pause(READY_POLL_MS);
    }
    return 0;
  }

  /** Stops all processes. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([...this.#running].map((child) => this.#stop(child)));
  }

  /** Ends all processes that are stopping at once: for them, this is the second signal. One that hangs is killed. */
  async endNow(): Promise<void> {
    this.kill('SIGTERM');
    await pause(END_NOW_MS);
    this.kill('SIGKILL');
  }

  /** Sends the signal to all processes. */
  kill(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }

  /** Whether the whole service stops. */
  get stopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  #spawn(process: number, settings = this.#settings): Child {
    const child = new Child(process, settings, this.#options);
    this.#running.add(child);
    this.#limitStart(child);
    void child.exited.then(() => {
      this.#running.delete(child);
      this.onEnd(child);
    });
    return child;
  }

  /** Kills the process if it hangs before it listens. */
  #limitStart(child: Child): void {
    const { log, startExtraMs = START_EXTRA_MS } = this.#options;
    const late = () => {
      log.error(
        { process: child.process, child_pid: child.pid },
        'the process did not listen in time; it is killed',
      );
      child.kill('SIGKILL');
    };
    const timer = setTimeout(late, connectTimeoutOf(child.settings) + startExtraMs);
    void Promise.race([child.listening, child.exited]).then(() => clearTimeout(timer));
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
    if (slot.child !== child || this.stopping) return;
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
    if (this.stopping || slot.child !== undefined) return;
    this.restarts++;
    // After a replacement that stopped before this slot, the settings of the slot are not the newest.
    this.#take(slot, this.#spawn(slot.process, slot.settings), slot.settings);
  }

  /** Waits until the process is ready. @returns why it did not become ready in time; undefined if it is ready */
  async #whyNotReady(child: Child, settings: Settings): Promise<string | undefined> {
    const patienceMs = connectTimeoutOf(settings) + 2 * settings.config.warmup.timeoutMs + READY_EXTRA_MS;
    const deadline = performance.now() + patienceMs;
    let ended: string | undefined;
    void child.exited.then((exit) => {
      ended = `it ended (${exitText(exit)})`;
    });
    let reason: string | undefined = 'it is starting';
    while (ended === undefined && !this.stopping && performance.now() < deadline) {
      reason = await child.ask('notReady').catch((error: Error) => error.message);
      if (reason === undefined) return undefined;
      await pause(READY_POLL_MS);
    }
    return ended ?? reason;
  }

  async #stop(child: Child): Promise<void> {
    const { graceMs, timeoutMs } = child.settings.config.shutdown;
    if (await child.stop(graceMs + timeoutMs + STOP_EXTRA_MS)) return;
    this.#options.log.error(
      { process: child.process, child_pid: child.pid },
      'the process did not stop in time; it was killed',
    );
  }
}

/** How long a process waits for Redis before it listens. */
function connectTimeoutOf({ config }: Settings): number {
  return config.redis?.connectTimeoutMs ?? 0;
}
