import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/until.ts';
import { kill } from './kill.ts';
import { tether } from './tether.ts';

const START_TIMEOUT_MS = 30_000;
const TRIES = 5;

export type RedisOptions = {
  /** Further options of redis-server: `['--maxmemory', '8mb']`. */
  args?: readonly string[];
  password?: string;
  /** Default: a free port. */
  port?: number;
};

/** A real redis-server, empty and without persistence. End it with `t.after(() => redis.stop())`. */
export type RedisServer = {
  readonly port: number;
  readonly pid: number;
  /** Runs redis-cli: `await redis.cli('SET', 'a', '1')` returns `'OK'`. */
  cli(...args: string[]): Promise<string>;
  /** SIGSTOP freezes the server, SIGCONT continues it, SIGKILL crashes it. Waits for the end only after SIGKILL. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): Promise<void>;
  stop(): Promise<void>;
  /** Starts it again on the same port without data, whether it was running or not. */
  restart(): Promise<void>;
};

/** Starts a redis-server on 127.0.0.1 and waits until it answers. It ends with this process at the latest. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-redis-'));
  const removeDir = () => rm(dir, { recursive: true, force: true });
  let { port, child } = await launchOnSomePort(dir, options).catch(async (error: unknown) => {
    await removeDir();
    throw error;
  });

  return {
    get port() {
      return port;
    },
    get pid() {
      return child.pid!;
    },
    cli: (...args) => redisCli(port, options.password, args),
    async signal(name) {
      if (name === 'SIGKILL') await kill(child);
      else child.kill(name);
    },
    async stop() {
      await kill(child);
      await removeDir();
    },
    async restart() {
      await kill(child);
      ({ port, child } = await launchOnSomePort(dir, { ...options, port }));
    },
  };
}

/** The system gives none of these ports to a connection or a program that names none, and a Cluster's bus uses none. */
const [FIRST_PORT, PORTS] = [10_000, 10_000];
/** No process of the tests asks for as many, so two that run at the same time seldom choose the same. */
const PORTS_EACH = 100;
let asked = process.pid * PORTS_EACH;

/** A free port of 127.0.0.1. Another process may use it before the caller does. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries++) {
    const port = FIRST_PORT + (asked++ % PORTS);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

async function launchOnSomePort(dir: string, options: RedisOptions) {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    try {
      return { port, child: await launch(dir, port, options) };
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}

async function launch(
  dir: string,
  port: number,
  { args = [], password }: RedisOptions,
): Promise<ChildProcess> {
  const child = spawn(
    'redis-server',
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
      ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output = (output + chunk).slice(-10_000);
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  // Without an installed redis-server the child emits `error`, and never `exit`.
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  tether(child);

  const started = await until(
    async () => {
      if (failure ?? child.exitCode ?? child.signalCode) return 'failed';
      return (await answers(port, child.pid!, password)) && 'ready';
    },
    { timeoutMs: START_TIMEOUT_MS, everyMs: 5 },
  ).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  if (started === 'ready') return child;
  throw new Error(`redis-server did not start on port ${port}:\n${output}`, { cause: failure });
}

/**
 * Whether this process answers on the port. PING is not enough: if another redis-server uses the port, that one
 * answers while this one still fails to start.
 */
async function answers(port: number, pid: number, password: string | undefined): Promise<boolean> {
  const socket = connect(port, '127.0.0.1').setTimeout(1_000, () => socket.destroy());
  socket.end(`${password === undefined ? '' : `AUTH ${password}\r\n`}PING\r\nINFO server\r\nQUIT\r\n`);
  let reply = '';
  try {
    for await (const chunk of socket) reply += chunk;
  } catch {
    return false;
  }
  return reply.includes('+PONG') && reply.includes(`process_id:${pid}\r\n`);
}

async function redisCli(port: number, password: string | undefined, args: string[]): Promise<string> {
  const env = { ...process.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
  const { stdout } = await promisify(execFile)('redis-cli', ['-e', '-p', String(port), ...args], { env });
  return stdout.replace(/\n$/, '');
}
