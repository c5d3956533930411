import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { program } from './program.ts';
import { tether } from './tether.ts';

/** The number of processes of each service with Redis: a run of faults may set it. */
export const MANY_PROCESSES = { count: 1 };

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
/** The `Host` of requests that tests write byte by byte. */
const RAW_HOST = 'x';

export type ServiceOptions = {
  /** Variables in addition to a clean environment, which has no `REDIS_*` of the developer. */
  env?: Readonly<Record<string, string>>;
  /** Arguments after `serve`. */
  args?: readonly string[];
  standalone?: boolean;
  /** A program, with its arguments, that runs the service. */
  under?: readonly string[];
};

export type LogLine = { msg?: string; level?: number | string; [field: string]: unknown };
export type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** The service in its own process. End it with `t.after(() => service.stop())`. */
export type Service = {
  /** Without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** The ids of the process and, with PROCESSES, of the latest process of each number. */
  readonly pids: () => readonly number[];
  /** All log lines. A line that is not JSON becomes the `msg` of an empty line. */
  readonly logs: readonly LogLine[];
  readonly exited: Promise<Exit>;
  /** The first log line, past or future, that the predicate accepts. */
  waitForLog(predicate: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  kill(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end; what has not ended after a minute is killed. Harmless when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
};

/** The service ended before it listened, or was killed because it did not listen in time. */
export class StartFailed extends Error {
  readonly exit: Exit;
  readonly logs: readonly LogLine[];
  readonly stderr: string;

  constructor(exit: Exit, logs: readonly LogLine[], stderr: string) {
    super(
      `the service did not listen (${exit.signal ?? `exit code ${exit.code}`})\n${show(logs)}\n${stderr}`,
    );
    this.exit = exit;
    this.logs = logs;
    this.stderr = stderr;
  }
}

/** Starts `ratecache serve` on a free port and waits until it listens. It ends with this process at the latest. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const { env = {}, args = [], standalone = false, under = [] } = options;
  const invocation = program('serve', ...(standalone ? ['--standalone'] : []), ...args);
  const [command, ...given] = [...under, invocation.command, ...invocation.args] as [string, ...string[]];
  const child = spawn(command, given, {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      ALLOWED_HOSTS: RAW_HOST,
      ...(standalone || MANY_PROCESSES.count === 1 ? {} : { PROCESSES: String(MANY_PROCESSES.count) }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  tether(child);

  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const logs: LogLine[] = [];
  const watchers = new Set<(line: LogLine) => void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = parse(text);
    logs.push(line);
    for (const watcher of watchers) watcher(line);
  });
  // `close` comes after `exit`, when every line has been read.
  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }));

  const waitForLog: Service['waitForLog'] = (predicate, timeoutMs = 30_000) =>
    new Promise((resolve, reject) => {
      const known = logs.find(predicate);
      if (known) return resolve(known);
      const watcher = (line: LogLine) => {
        if (!predicate(line)) return;
        forget();
        resolve(line);
      };
      const giveUp = (why: string) => {
        forget();
        reject(new Error(`${why}: ${predicate}\n${show(logs.slice(-20))}\n${stderr}`));
      };
      const timer = setTimeout(() => giveUp(`not logged within ${timeoutMs} ms`), timeoutMs);
      const forget = () => {
        clearTimeout(timer);
        watchers.delete(watcher);
      };
      watchers.add(watcher);
      exited.then(() => giveUp('the service ended without logging it'), reject);
    });

  const stop: Service['stop'] = async (signal = 'SIGTERM') => {
    const running = child.exitCode === null && child.signalCode === null;
    child.kill(signal);
    // As the end of a container would. Processes whose supervisor ended alone would stop gracefully.
    if (signal === 'SIGKILL' && running) for (const pid of processesOf(logs)) killOne(pid);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const exit = await exited;
    clearTimeout(timer);
    return exit;
  };

  const { port } = await waitForLog(({ msg }) => msg === 'listening', START_TIMEOUT_MS).catch(async () => {
    throw new StartFailed(await stop('SIGKILL'), logs, stderr);
  });
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    port: Number(port),
    pid: child.pid!,
    pids: () => [child.pid!, ...processesOf(logs)],
    logs,
    exited,
    waitForLog,
    fetch: (path, init) => fetch(url + path, init),
    kill: (signal) => void child.kill(signal),
    stop,
  };
}

/** The ids of the latest process of each number, of a service with PROCESSES. */
function processesOf(logs: readonly LogLine[]): number[] {
  const latest = logs
    .filter(({ msg }) => msg === 'process listening')
    .map(({ process, pid }) => [process, pid]);
  return [...new Map(latest as [number, number][]).values()];
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { msg: text };
  }
}

function show(logs: readonly LogLine[]): string {
  return logs.map((line) => JSON.stringify(line)).join('\n');
}
