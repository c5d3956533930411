import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../loadtest/support/until.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { tether } from '../../loadtest/target/tether.ts';

export type ServerProcess = {
  /** Without a slash at the end. */
  readonly url: string;
  stop(): Promise<void>;
};

/**
 * Starts a Prometheus or an Alertmanager in its own directory and waits until it is ready. It ends with this
 * process at the latest.
 * @param setUp writes what it needs into the directory, and gives the arguments besides its address
 */
export async function startServerProcess(
  program: string,
  setUp: (dir: string) => Promise<readonly string[]>,
): Promise<ServerProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-'));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(program, [...(await setUp(dir)), `--web.listen-address=${address}`], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-10_000);
    });
  }
  let ended: unknown;
  child.once('error', (error) => {
    ended = error;
  });
  child.once('exit', (code, signal) => {
    ended = `it ended: ${code ?? signal}`;
  });
  tether(child);

  const stop = async () => {
    if (ended === undefined) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(dir, { recursive: true, force: true });
  };
  const url = `http://${address}`;
  await until(async () => ended !== undefined || (await fetch(`${url}/-/ready`)).ok, { timeoutMs: 60_000 })
    .then(() => {
      if (ended !== undefined) throw new Error(String(ended));
    })
    .catch(async (error) => {
      await stop();
      throw new Error(`${program} did not start:\n${output}`, { cause: error });
    });
  return { url, stop };
}
