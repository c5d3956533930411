/** Starting servers, so that nothing of them outlives the benchmark. */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../loadtest/support/until.ts';
import { tether } from '../../loadtest/target/tether.ts';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 30_000;

export interface Launched {
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a program and waits until it listens on the port. It leads a process group of its own, all of which is
 * killed when this process ends, however it ends: the workers of a killed nginx would else live on.
 * @param cwd where it may leave files: webdis has a log there before it has read that it is to have none
 */
export async function launch(
  program: string,
  args: readonly string[],
  port: number,
  cwd: string,
): Promise<Launched> {
  const child = spawn(program, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  tether(child, { group: true });
  child.once('exit', () => killGroup(child));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-4_000);
    });
  let failure: unknown;
  child.once('error', (error) => {
    failure = error;
  });
  const started = await until(
    async () => {
      if (failure ?? child.exitCode ?? child.signalCode) return 'ended';
      return (await listens(port)) && 'listening';
    },
    { timeoutMs: START_TIMEOUT_MS },
  ).catch(() => 'late');
  if (started === 'listening') return { pid: child.pid!, stop: () => end(child) };
  await end(child);
  const said = output.split('\n').find((line) => /error/i.test(line)) ?? '';
  throw new Error(`${program} did not start: ${said || failure || started}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => killGroup(child), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // Nobody is left of it.
  }
}

function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

export interface Forked<Told> extends Launched {
  /** The first thing that it told: it has started. */
  readonly told: Told;
  /** Sends it something, and gives what it tells then. */
  ask(message: object): Promise<unknown>;
}

/**
 * Starts a server of ours that tells by a message when it has started; one that does not is ended.
 * @param under a program, with its arguments, that runs it
 */
export async function forkServer<Told>(
  file: URL,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
  under: readonly string[] = [],
): Promise<Forked<Told>> {
  const [execPath, ...execArgv] = under.length === 0 ? [process.execPath] : [...under, process.execPath];
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  const child = fork(file, args, { execPath, execArgv, env, stdio: [...stdio] });
  tether(child);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${file.pathname} ended with ${code ?? signal}`);
  });
  const stop = async () => {
    child.kill('SIGKILL');
    await ended.catch(() => {});
  };
  const next = async (): Promise<unknown> => {
    const message = once(child, 'message', { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return (await Promise.race([message, ended]))[0];
  };
  const ask = (message: object) => {
    const answer = next();
    child.send(message);
    return answer;
  };
  try {
    return { pid: child.pid!, told: (await next()) as Told, ask, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A directory of its own, for a configuration and what a server writes; `remove` it when the server has ended. */
export async function scratch(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'ratecache-peer-'));
  // Servers that are started as root read their files as somebody else.
  await chmod(path, 0o755);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The text of a file, its `@NAME@`s replaced. */
export function filledIn(file: URL, values: Readonly<Record<string, string | number>>): string {
  return readFileSync(file, 'utf8').replace(/@(\w+)@/g, (_, name) => {
    if (!(name in values)) throw new Error(`${file.pathname} names @${name}@, which is not given`);
    return String(values[name]);
  });
}

/** The version of what a command prints on either output. */
export function printedVersion(program: string, flag: string): string | undefined {
  try {
    const text = execFileSync('sh', ['-c', `"$0" ${flag} 2>&1`, program], { encoding: 'utf8' });
    return /\d+\.\d+(\.\d+)?/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}
