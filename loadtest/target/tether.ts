import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Ties a child to this process: however this one ends, by a crash or a SIGKILL too, the child is killed.
 * An `exit` handler would not run then. A shell in between waits for its stdin to close, which the kernel
 * does for a process that is gone.
 * @param group all of the process group that the child leads, because it was started `detached`
 */
export function tether(child: ChildProcess, { group = false } = {}): void {
  if (child.pid === undefined) return;
  const whom = group ? -child.pid : child.pid;
  const shell = spawn('sh', ['-c', 'read -r _; kill -9 "$1"', 'sh', String(whom)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of the terminal's process group, or Ctrl-C would end the shell before it did its work.
    detached: true,
  });
  shell.unref();
  // The child is gone: the number may soon be another process's, so the shell must not use it.
  child.once('exit', () => shell.kill('SIGKILL'));
}
