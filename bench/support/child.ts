/** Files of this project as processes of their own: servers, generators, and what must not find the heap of another. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { inspect } from 'node:util';
import { pin } from '../../loadtest/support/pin.ts';
import { tether } from '../../loadtest/target/tether.ts';

const START_TIMEOUT_MS = 120_000;
/** The longest job is a suite of microbenchmarks, or the life of an L1 of a million entries. */
const ANSWER_TIMEOUT_MS = 600_000;
/** Characters of a message in an error. */
const MESSAGE_LENGTH = 200;

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** A program, with its arguments, that runs the process. */
  readonly under?: readonly string[];
  /** The only core that the process may use. */
  readonly core?: number;
  /** For each message. The process is killed if it does not answer in time. */
  readonly answerTimeoutMs?: number;
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
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const [execPath, ...execArgv] = [...under, process.execPath, ...flags];
  // Bytes stay bytes.
  const child = fork(file, args, { execPath, execArgv, env, serialization: 'advanced' });
  tether(child);
  let why = '';
  const ended = once(child, 'exit').then(([code, signal]): never => {
    throw new Error(`${basename(file.pathname)}${why || ` ended with ${code ?? signal}`}`);
  });
  const stop = async () => {
    child.kill('SIGKILL');
    await ended.catch(() => {});
  };
  const next = async (timeoutMs: number, to: string | object): Promise<unknown> => {
    const message = once(child, 'message', { signal: AbortSignal.timeout(timeoutMs) }).catch(() => {
      // A late answer must not count as the answer to the next message.
      why ||= `: no answer within ${timeoutMs / 1000} s to ${shown(to)}`;
      child.kill('SIGKILL');
      return ended;
    });
    return (await Promise.race([message, ended]))[0];
  };
  try {
    if (core !== undefined) pin(core, child.pid!);
    const ready = (await next(START_TIMEOUT_MS, 'the start')) as Ready;
    const ask = <Answer>(message: object) => {
      const answer = next(answerTimeoutMs, message) as Promise<Answer>;
      child.send(message);
      return answer;
    };
    return { pid: child.pid!, ready, ask, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The text, or the beginning of the message. */
function shown(to: string | object): string {
  return typeof to === 'string'
    ? to
    : inspect(to, { breakLength: Number.POSITIVE_INFINITY }).slice(0, MESSAGE_LENGTH);
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
