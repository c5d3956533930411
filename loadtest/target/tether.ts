import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills the child when this process ends, even by a crash or SIGKILL, when no `exit` handler runs. A shell waits for
 * the end of its stdin; the kernel closes it when this process has ended.
 * @param group kill the whole process group of a child that was started `detached`
 */
export function tether(child: ChildProcess, { group = false } = {}): void {
  if (child.pid === undefined) return;
  const whom = group ? -child.pid : child.pid;
  const shell = spawn('sh', ['-c', 'read -r _; kill -9 "$1"', 'sh', String(whom)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // In another process group than the terminal, or Ctrl-C would end the shell first.
    detached: true,
  });
  shell.unref();
  // The child has ended, and another process may get its id: the shell must not kill it.
  child.once('exit', () => shell.kill('SIGKILL'));
}
