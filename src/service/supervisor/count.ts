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

/** The CPU limit of the cgroup in cores; undefined without a limit. */
function cgroupCores(read: ReadText): number | undefined {
  const v2 = read(`/sys/fs/cgroup${cgroupOf(read, '')}/cpu.max`) ?? read('/sys/fs/cgroup/cpu.max');
  if (v2 !== undefined) {
    const [quota, period] = v2.trim().split(' ');
    return quota === 'max' ? undefined : Number(quota) / Number(period);
  }
  const at = `/sys/fs/cgroup/cpu${cgroupOf(read, 'cpu')}`;
  const directory = read(`${at}/cpu.cfs_quota_us`) === undefined ? '/sys/fs/cgroup/cpu' : at;
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
