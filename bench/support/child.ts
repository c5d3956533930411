/** Files of this project as processes of their own: servers, generators, and what must not find the heap of another. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { pin } from '../../loadtest/support/pin.ts';
import { tether } from '../../loadtest/target/tether.ts';

const START_TIMEOUT_MS = 120_000;
/** The longest job is a suite of microbenchmarks, or the life of an L1 of a million entries. */
const ANSWER_TIMEOUT_MS = 600_000;

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** A program, with its arguments, that runs the process. */
  readonly under?: readonly string[];
  /** The only core that the process may use. */
  readonly core?: number;
}

export interface Child<Ready> {
  readonly pid: number;
  /** The first message of the process. */
  readonly ready: Ready;
  /** Sends a message and returns the answer to it. */
  ask<Answer>(message: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts the process and waits for its first message. It ends with this process at the latest. */
export async function startChild<Ready>(file: URL, options: ChildOptions = {}): Promise<Child<Ready>> {
  const { args = [], env = process.env, flags = [], under = [], core } = options;
  const [execPath, ...execArgv] = [...under, process.execPath, ...flags];
  // Bytes stay bytes.
  const child = fork(file, args, { execPath, execArgv, env, serialization: 'advanced' });
  tether(child);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${basename(file.pathname)} ended with ${code ?? signal}`);
  });
  const next = async (timeoutMs: number): Promise<unknown> => {
    const message = once(child, 'message', { signal: AbortSignal.timeout(timeoutMs) });
    return (await Promise.race([message, ended]))[0];
  };
  const stop = async () => {
    child.kill('SIGKILL');
    await ended.catch(() => {});
  };
  try {
    if (core !== undefined) pin(core, child.pid!);
    const ready = (await next(START_TIMEOUT_MS)) as Ready;
    const ask = <Answer>(message: object) => {
      const answer = next(ANSWER_TIMEOUT_MS) as Promise<Answer>;
      child.send(message);
      return answer;
    };
    return { pid: child.pid!, ready, ask, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts the process, has it do one job, and returns the result. */
export async function runJob<Result>(file: URL, job: object, options?: ChildOptions): Promise<Result> {
  const child = await startChild(file, options);
  try {
    return await child.ask<Result>(job);
  } finally {
    await child.stop();
  }
}

/** In the child: reports that it is ready, and answers each message of its parent. */
export function answerParent<Message>(answer: (message: Message) => unknown, ready: object = {}): void {
  process.on('message', async (message) => void process.send!((await answer(message as Message)) ?? {}));
  process.once('disconnect', () => process.exit());
  process.send!(ready);
}
