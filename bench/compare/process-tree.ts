import { readdirSync } from 'node:fs';
import { cpuSecondsOf, parentOf } from '../../loadtest/target/proc.ts';

/** These processes and all that descend from them. */
export function treeOf(roots: readonly number[]): number[] {
  const children = Map.groupBy(processes(), ({ parent }) => parent);
  const tree = new Set<number>();
  const add = (pid: number) => {
    if (tree.has(pid)) return;
    tree.add(pid);
    for (const child of children.get(pid) ?? []) add(child.pid);
  };
  for (const root of roots) add(root);
  return [...tree];
}

/** User and kernel time that they have taken so far, in seconds. @throws where the system does not tell */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const seconds = cpuSecondsOf(pid);
    if (seconds === undefined) throw new Error(`process ${pid} is gone, or /proc is not there`);
    return sum + seconds;
  }, 0);
}

function processes(): { pid: number; parent: number | undefined }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(Number(name)) }));
}
