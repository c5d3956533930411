/**
 * Limits the CPU of a process to a share of a core, by the quota of a control group, like the CPU limit of a
 * container. A generator on an equal core can then offer more than the server can serve.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The period of the quota. It is short, because a process that used its quota stands still until the period ends.
 * With the usual 100 ms that alone would fail every latency gate.
 */
const PERIOD_US = 5_000;

/** Location and quota format of control groups, version 2 first. */
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

/** @returns a function that removes the limit; undefined if the system has no such groups, or denies access */
export function limitCpu(share: number, pid: number): (() => void) | undefined {
  for (const { root, quota } of KINDS) {
    const group = join(root, `ratecache-load-${pid}`);
    const leave = () => {
      // A group with a process in it cannot be removed; one whose processes have ended can.
      attempt(() => put(join(root, 'cgroup.procs'), String(pid)));
      attempt(() => rmdirSync(group));
    };
    // If only version 1 is mounted, the root of version 2 is an ordinary directory that accepts any file.
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

/** Never creates a file: files of the kernel exist already. */
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
    // The process has ended, or the group does not exist.
  }
}
