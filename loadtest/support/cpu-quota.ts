/**
 * Holds a process to a share of a core, by the quota of a control group of its own, as a container's CPU limit does.
 * So a generator on an equal core can offer more than the server can take.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Of the quota, in µs. Short, since a process that has used up its quota stands still until the period is over:
 * with the usual 100 ms that alone would fail every latency gate.
 */
const PERIOD_US = 5_000;

/** Where the groups are and how a quota is written there: version 2 first, then 1. */
const KINDS: readonly { readonly root: string; readonly quota: (share: number) => [string, string][] }[] = [
  {
    root: '/sys/fs/cgroup',
    quota: (share) => [['cpu.max', `${quotaOf(share)} ${PERIOD_US}`]],
  },
  {
    root: '/sys/fs/cgroup/cpu',
    quota: (share) => [
      ['cpu.cfs_period_us', String(PERIOD_US)],
      ['cpu.cfs_quota_us', quotaOf(share)],
    ],
  },
];

/** @returns what lets go of it; undefined where the system has no such groups, or does not let us */
export function limitCpu(share: number, pid: number): (() => void) | undefined {
  for (const { root, quota } of KINDS) {
    const group = join(root, `ratecache-load-${pid}`);
    const leave = () => {
      // A group with a process in it cannot be removed; one whose processes have ended can.
      attempt(() => put(join(root, 'cgroup.procs'), String(pid)));
      attempt(() => rmdirSync(group));
    };
    // Where version 1 is mounted, the root of version 2 is a plain folder, in which anything can be written.
    if (!existsSync(join(root, 'cgroup.procs'))) continue;
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    try {
      for (const [file, text] of quota(share)) put(join(group, file), text);
      put(join(group, 'cgroup.procs'), String(pid));
      return leave;
    } catch {
      leave();
    }
  }
  return undefined;
}

/** Never makes a file: one that is not there is none of the kernel's. */
function put(path: string, text: string): void {
  writeFileSync(path, text, { flag: 'r+' });
}

function quotaOf(share: number): string {
  return String(Math.round(share * PERIOD_US));
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // The process has ended, or the group was never there.
  }
}
