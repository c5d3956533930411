import { cpuPartsOf, mainThreadOf } from '../../loadtest/target/proc.ts';

/** Seconds that a process has taken. */
export interface Usage {
  /** With all its threads, in the program and in the kernel. */
  readonly user: number;
  readonly kernel: number;
  /** Its main thread, in both. */
  readonly ran: number;
  /** That thread was ready to run, and something else had its core. */
  readonly waited: number;
}

/** So far; asked again, it gives what has come since. @throws where the system does not tell */
export function usageOf(pid: number): () => Usage {
  const before = read(pid);
  return () => {
    const now = read(pid);
    return {
      user: now.user - before.user,
      kernel: now.kernel - before.kernel,
      ran: now.ran - before.ran,
      waited: now.waited - before.waited,
    };
  };
}

function read(pid: number): Usage {
  const parts = cpuPartsOf(pid);
  const main = mainThreadOf(pid);
  if (parts === undefined || main === undefined)
    throw new Error(`process ${pid} is gone, or /proc does not tell of it`);
  return { ...parts, ...main };
}
