/**
 * Runs a check in a separate process, and kills the process after its report. A fault may leave open connections,
 * which would keep the process of the tests alive.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Report, type RunOptions, runCheck } from './check.ts';

type Message = { readonly report: Report } | { readonly error: string };

export async function runApart(options: RunOptions): Promise<Report> {
  const child = fork(fileURLToPath(import.meta.url), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  try {
    child.send(options);
    const [message] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => [{ error: `the check ended with ${code} and sent no report` }]),
    ])) as [Message];
    if ('error' in message) throw new Error(message.error);
    return message.report;
  } finally {
    child.kill('SIGKILL');
  }
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url))
  process.once('message', async (options) => {
    const message: Message = await runCheck(options as RunOptions).then(
      (report) => ({ report }),
      (error) => ({ error: (error as Error).stack ?? String(error) }),
    );
    process.send!(message);
  });
