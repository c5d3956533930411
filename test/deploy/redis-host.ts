/** A machine with Redis as the documents of the deployment set it up, in a directory. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { type ConfiguredRedis, startConfiguredRedis } from '../support/configured-redis.ts';
import { commandsUnder } from './documented.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Where the page has things that lie below the directory here. */
const PLACES = ['/etc/redis', '/var/lib/redis', '/backup'];

const OPERATOR_PASSWORD = 'of the operator';
export const SERVICE_PASSWORD = 'of the service';

export type RedisHost = {
  /** Runs the nth block of commands under this heading of the page; a command that fails is an error. */
  run(heading: string, nth?: number): Promise<string>;
  /** Starts Redis with what is in its place now, always on the same port. */
  start(): Promise<ConfiguredRedis>;
  /** Everything on its disk but the configuration and the backups is gone. */
  loseData(): Promise<void>;
  remove(): Promise<void>;
};

/** Set up by the commands of the page. */
export async function setUpHost(): Promise<RedisHost> {
  const directory = await mkdtemp(join(tmpdir(), 'ratecache-host-'));
  const port = await freePort();
  const below = (text: string) =>
    PLACES.reduce((moved, place) => moved.replaceAll(place, directory + place), text);
  const file = below('/etc/redis/redis.conf');
  const loseData = async () => {
    await rm(below('/var/lib/redis'), { recursive: true, force: true });
    await mkdir(below('/var/lib/redis'), { recursive: true });
  };
  for (const place of PLACES) await mkdir(below(place), { recursive: true });

  const run: RedisHost['run'] = async (heading, nth) => {
    const prelude = `set -euo pipefail; redis-cli() { command redis-cli -p ${port} "$@"; }\n`;
    const env = {
      PATH: process.env.PATH,
      REDISCLI_AUTH: OPERATOR_PASSWORD,
      OPERATOR_PASSWORD,
      REDIS_PASSWORD: SERVICE_PASSWORD,
    };
    const block = below(commandsUnder(heading, nth));
    const { stdout } = await promisify(execFile)('bash', ['-c', prelude + block], { cwd: ROOT, env });
    return stdout;
  };

  await run('Set Redis up');
  await writeFile(file, below(await readFile(file, 'utf8')));
  return {
    run,
    start: () => startConfiguredRedis({ file, port, user: 'operator', password: OPERATOR_PASSWORD }),
    loseData,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
