import { execFileSync } from 'node:child_process';

/** Binds processes to a core, where `taskset` is to be had: server and generator must not share one. */
export function pin(core: number, ...pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      execFileSync('taskset', ['-cp', String(core), String(pid)], { stdio: 'ignore' });
    } catch {
      console.error('taskset is missing: the figures mix server and generator');
      return;
    }
  }
}
