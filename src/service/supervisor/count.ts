/** How many processes a machine or container has cores for. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

type ReadText = (path: string) => string | undefined;

/**
 * The whole cores that this process may use, at least 1: the limit of the cgroup, or the cores of the machine if those are
 * fewer or no limit is set.
 */
export function wholeCores(read: ReadText = readText, cores = availableParallelism()): number {
  return Math.max(1, Math.floor(Math.min(cores, cgroupCores(read) ?? cores)));
}

/** The lowest CPU limit of the cgroup and of the groups that contain it, in cores; undefined without a limit. */
function cgroupCores(read: ReadText): number | undefined {
  const v2 = groupsFrom(cgroupOf(read, '')).map((path) => limitOfV2(read, `/sys/fs/cgroup${path}`));
  const v1 = groupsFrom(cgroupOf(read, 'cpu')).map((path) => limitOfV1(read, `/sys/fs/cgroup/cpu${path}`));
  const limits = [...v2, ...v1].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** The path of a cgroup and of every group that contains it, to the root, which is ''. */
function groupsFrom(path: string): string[] {
  return path === '' ? [''] : [path, ...groupsFrom(path.slice(0, path.lastIndexOf('/')))];
}

function limitOfV2(read: ReadText, directory: string): number | undefined {
  const [quota = 'max', period] = read(`${directory}/cpu.max`)?.trim().split(' ') ?? [];
  return quota === 'max' ? undefined : Number(quota) / Number(period);
}

function limitOfV1(read: ReadText, directory: string): number | undefined {
  const quota = Number(read(`${directory}/cpu.cfs_quota_us`) ?? -1);
  return quota > 0 ? quota / Number(read(`${directory}/cpu.cfs_period_us`)) : undefined;
}

/** The path of the own cgroup for a controller of v1, or '' for v2. Empty for the root, which a container sees. */
function cgroupOf(read: ReadText, controller: string): string {
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers?.split(',').includes(controller)) return path === '/' ? '' : path!;
  }
  return '';
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
