import { readdirSync } from 'node:fs';
import { cpuSecondsOf, parentOf } from '../../loadtest/target/proc.ts';

/** These processes and all their descendants. */
export function treeOf(roots: readonly number[]): number[] {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(Number(name)) }));
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const tree = new Set(roots);
  // A Set is walked to its end, with what is added meanwhile.
  for (const pid of tree) for (const child of children.get(pid) ?? []) tree.add(child.pid);
  return [...tree];
}

/** User and kernel time of the processes so far, in seconds. @throws where a process has ended */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const seconds = cpuSecondsOf(pid);
    if (seconds === undefined) throw new Error(`process ${pid} has ended, or /proc is not there`);
    return sum + seconds;
  }, 0);
}
