import { execFileSync } from 'node:child_process';
import { cpus, setPriority } from 'node:os';

/** Where the server and what it needs runs, and where the generator: they must not share a core. */
export const SERVER_CORE = 0;
export const GENERATOR_CORE = 1;

// Where the system allows it, so that what else runs on the machine is no part of the figures.
const NICENESS = -10;

/**
 * Binds a process with all its threads to a core, and puts it before other programs.
 * @returns false where there is no `taskset`, or only one core: the figures then mix server and generator
 */
export function pin(core: number, pid: number): boolean {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // It takes a privilege, and is no more than a help.
  }
  // Of the machine: to a caller that is itself bound to a core, `availableParallelism` is one.
  if (cpus().length < 2) return false;
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
