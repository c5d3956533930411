import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { tether } from '../../loadtest/target/tether.ts';

export type ConfiguredRedisOptions = {
  /** The configuration file that it is started with. */
  file: string;
  /** Over what the file says: `['--dir', '/tmp/x']`. */
  args?: readonly string[];
  port?: number;
  /** The user of redis-cli; without it, redis-cli does not authenticate. */
  user?: string;
  password?: string;
};

/** A redis-server with the persistence and access rules of a configuration file. */
export type ConfiguredRedis = {
  readonly port: number;
  readonly pid: number;
  cli(...args: string[]): Promise<string>;
  /** Default SIGKILL, which is a crash: nothing is saved. */
  stop(signal?: NodeJS.Signals): Promise<void>;
};

/** Starts it on 127.0.0.1 and waits until it has loaded what it finds. It ends with this process at the latest. */
export async function startConfiguredRedis(options: ConfiguredRedisOptions): Promise<ConfiguredRedis> {
  const { file, args = [], user, password, port = await freePort() } = options;
  const child = spawn('redis-server', [file, '--port', String(port), '--bind', '127.0.0.1', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  tether(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const exited = once(child, 'exit');
  let ended = false;
  exited.then(() => {
    ended = true;
  });
  await until(() => ended || output.includes('Ready to accept connections'));
  if (ended) throw new Error(`redis-server did not start with ${file}:\n${output}`);

  const identity = user === undefined ? [] : ['--user', user];
  const env = { ...process.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
  return {
    port,
    pid: child.pid!,
    async cli(...command) {
      const line = ['-e', '-p', String(port), ...identity, ...command];
      const { stdout } = await promisify(execFile)('redis-cli', line, { env });
      return stdout.replace(/\n$/, '');
    },
    async stop(signal = 'SIGKILL') {
      child.kill(signal);
      await exited;
    },
  };
}
