import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../support/until.ts';
import { tether } from './tether.ts';

const START_TIMEOUT_MS = 5_000;
const TRIES = 5;

export type RedisOptions = {
  /** More of redis-server's own options: `['--maxmemory', '8mb']`. */
  args?: readonly string[];
  password?: string;
  /** By default one that the system says is free. */
  port?: number;
};

/** A real redis-server of the test's own, empty and without persistence. End it with `t.after(() => redis.stop())`. */
export type RedisServer = {
  readonly port: number;
  readonly pid: number;
  /** Runs redis-cli against it: `await redis.cli('SET', 'a', '1')` is `'OK'`. */
  cli(...args: string[]): Promise<string>;
  /** SIGSTOP freezes it, SIGCONT lets it go on, SIGKILL is a crash; resolves at once, except that SIGKILL waits for the end. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): Promise<void>;
  stop(): Promise<void>;
  /** Comes back on the same port, empty, whether it was running or not. */
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

/** A port of 127.0.0.1 that was free a moment ago; another process may take it before you do. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
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
  // A redis-server that is not installed is an `error` event, and never an `exit`.
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
 * Whether this very process answers there. PING would not do: when another process holds the port, its
 * redis-server answers while ours is still on its way to fail.
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

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // SIGTERM would wait for ever in a server that is stopped, and there is nothing to save.
  child.kill('SIGKILL');
  await exited;
}
