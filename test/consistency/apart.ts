/**
 * A check in a process of its own, which is killed when it has told what it found: a fault may leave connections that
 * nobody ends, and they must not keep the process of the tests.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Report, type RunOptions, runCheck } from './check.ts';

type Told = { readonly report: Report } | { readonly error: string };

export async function runApart(options: RunOptions): Promise<Report> {
  const child = fork(fileURLToPath(import.meta.url), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  try {
    child.send(options);
    const [told] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => [{ error: `the check ended with ${code}, and told nothing` }]),
    ])) as [Told];
    if ('error' in told) throw new Error(told.error);
    return told.report;
  } finally {
    child.kill('SIGKILL');
  }
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url))
  process.once('message', async (options) => {
    const told: Told = await runCheck(options as RunOptions).then(
      (report) => ({ report }),
      (error) => ({ error: (error as Error).stack ?? String(error) }),
    );
    process.send!(told);
  });
