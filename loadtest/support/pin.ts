import { execFileSync } from 'node:child_process';
import { cpus, setPriority } from 'node:os';

/** The cores of the server (with its Redis) and of the generator, which must not share a core. */
export const SERVER_CORE = 0;
export const GENERATOR_CORE = 1;

// Keeps other programs on the machine from affecting the figures, if the system allows it.
const NICENESS = -10;

/**
 * Binds a process with all its threads to a core, and raises its priority.
 * @returns false without `taskset` or with only one core: server and generator then affect each other
 */
export function pin(core: number, pid: number): boolean {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // Needs a privilege, and is optional.
  }
  // Not `availableParallelism`, which is 1 if the caller is bound to a core.
  if (cpus().length < 2) return false;
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
