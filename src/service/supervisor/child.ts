/** A process of the supervisor, seen from the supervisor. */
import { ChildProcess, spawn } from 'node:child_process';
import type { Environment } from '../../config/config.ts';
import type { Settings } from '../../config/settings.ts';
import { Channel, type Pipe } from './channel.ts';
import { type Counts, PROCESS_ANSWER_MS, type ProcessAnswers, type SupervisorAnswers } from './questions.ts';

/** The command line of a process. */
export interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why the process could not be started. */
  readonly error?: Error;
}

/** How a process ended, for people. */
export function exitText({ code, signal, error }: Exit): string {
  return error?.message ?? signal ?? `exit code ${code}`;
}

/** Answers the questions of a process about the whole service. */
export type Asked = {
  readonly [Q in Exclude<keyof SupervisorAnswers, 'listening' | 'ending'>]: (
    given: never,
  ) => SupervisorAnswers[Q] | Promise<SupervisorAnswers[Q]>;
};

export interface ChildOptions {
  /** The command line of process `n`. */
  readonly invocation: (n: number) => Invocation;
  /** The environment of a process with these settings. */
  readonly environment: (settings: Settings) => Environment;
  /** Answers processes that ask about the whole service. */
  readonly asked: () => Asked;
}

export class Child {
  /** The number of the process, from 1. A process that replaces another has the same number. */
  readonly process: number;
  /** What it was started with. The supervisor may have newer ones. */
  readonly settings: Settings;
  /** Resolves when the process accepts connections; never if it ends before. */
  readonly listening: Promise<void>;
  readonly exited: Promise<Exit>;
  /** The counts of its latest report. */
  counts: Counts | undefined;
  readonly #child: ChildProcess;
  readonly #channel: Channel;
  #listens = false;
  #stopping = false;

  constructor(process: number, settings: Settings, { invocation, environment, asked }: ChildOptions) {
    this.process = process;
    this.settings = settings;
    const child = started(invocation(process), environment(settings));
    this.#child = child;
    let listens: () => void;
    this.listening = new Promise((resolve) => {
      listens = resolve;
    });
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.on('error', (error) => child.pid === undefined && resolve({ code: 1, signal: null, error }));
    });
    this.#channel = new Channel(child as unknown as Pipe, async (question, given) => {
      if (question === 'listening') {
        this.#listens = true;
        return listens();
      }
      if (question === 'ending') {
        this.counts = given as Counts;
        return undefined;
      }
      return asked()[question as keyof Asked](given as never);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether the process has begun to accept connections. */
  get listens(): boolean {
    return this.#listens;
  }

  /** Whether the process was asked to stop. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Rejects if the process does not answer in time. */
  ask<Q extends keyof ProcessAnswers>(
    question: Q,
    given?: unknown,
    timeoutMs = PROCESS_ANSWER_MS,
  ): Promise<ProcessAnswers[Q]> {
    return this.#channel.ask(question, timeoutMs, given) as Promise<ProcessAnswers[Q]>;
  }

  /** Stops the process. Kills it if it has not ended after `timeoutMs`. @returns whether it ended without that */
  async stop(timeoutMs: number): Promise<boolean> {
    this.#stopping = true;
    // A process that is still starting refuses the question, and receives SIGTERM. A blocked process answers later. For
    // it, SIGTERM would be a second signal, which ends it without a drain.
    this.ask('stop', undefined, timeoutMs).catch(() => this.kill('SIGTERM'));
    let obeyed = true;
    const timer = setTimeout(() => {
      obeyed = false;
      this.kill('SIGKILL');
    }, timeoutMs);
    await this.exited;
    clearTimeout(timer);
    return obeyed;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Starts the process. One that cannot be started reports an error later, and has no pid. */
function started({ command, args }: Invocation, env: Environment): ChildProcess {
  try {
    return spawn(command, args, {
      env: { ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
      // A separate session: Ctrl-C at a terminal reaches the supervisor only, which stops the processes.
      detached: true,
    });
  } catch (error) {
    // Node throws some errors of the system, such as E2BIG and ENOMEM, and reports others later.
    const failed = new ChildProcess();
    process.nextTick(() => failed.emit('error', error as Error));
    return failed;
  }
}
