import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Kills the process, unless it has ended, and waits for its end. A frozen process never handles SIGTERM. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
