/** Starts a server that is a program of the system, so that nothing of it outlives the benchmark. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { tether } from '../../loadtest/target/tether.ts';
import { cachePath, type Running } from '../compare/contender.ts';

const START_TIMEOUT_MS = 10_000;

export interface Setup {
  readonly program: string;
  /** @param dir a directory of its own, which is also its working directory */
  readonly args: (dir: string, port: number) => readonly string[];
  /** Text of the files in its directory, by name. `@DIR@` and `@PORT@` are replaced. */
  readonly files: Readonly<Record<string, string>>;
  /** Called when it has ended. */
  readonly ended?: () => void;
}

/** Starts the program and waits until it listens. */
export async function launch({ program, args, files, ended }: Setup): Promise<Running> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-peer-'));
  const cleanUp = async () => {
    ended?.();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    // Servers that root starts read their files as another user.
    await chmod(dir, 0o755);
    const port = await freePort();
    for (const [name, text] of Object.entries(files))
      await writeFile(join(dir, name), text.replaceAll('@DIR@', dir).replaceAll('@PORT@', String(port)));
    const child = await startGroup(program, args(dir, port), port, dir);
    return {
      port,
      pids: [child.pid!],
      pathOf: cachePath,
      stop: async () => {
        const exited = once(child, 'exit');
        killGroup(child);
        await exited;
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** Starts a process group that ends with this process. Otherwise the workers of a killed nginx would go on. */
async function startGroup(
  program: string,
  args: readonly string[],
  port: number,
  cwd: string,
): Promise<ChildProcess> {
  const child = spawn(program, args, { cwd, detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  tether(child, { group: true });
  child.once('exit', () => killGroup(child));
  try {
    await until(async () => [(await connect(port)).destroy()], { timeoutMs: START_TIMEOUT_MS });
    return child;
  } catch {
    killGroup(child);
    throw new Error(`${program} does not listen`);
  }
}

function killGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // The group has ended.
  }
}

/** The version in what a program prints on either output. */
export function printedVersion(program: string, flag: string): string | undefined {
  try {
    const text = execFileSync('sh', ['-c', `"$0" ${flag} 2>&1`, program], { encoding: 'utf8' });
    return /\d+\.\d+(\.\d+)?/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}
