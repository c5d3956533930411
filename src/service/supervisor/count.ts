/** How many processes a machine or container has cores for. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The maximum of PROCESSES. */
export const MAX_PROCESSES = 64;

/** Where the controller for CPU of version 1 is mounted: some systems have no link to it with the short name. */
const MOUNTS_OF_V1 = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'];

type ReadText = (path: string) => string | undefined;

/**
 * The number of processes for PROCESSES=auto, from 1 to `MAX_PROCESSES`. It is the whole cores of the limit of the
 * cgroup. If the machine has fewer cores, or no limit is set, it is the cores of the machine.
 */
export function wholeCores(read: ReadText = readText, cores = availableParallelism()): number {
  const whole = Math.floor(Math.min(cores, cgroupCores(read) ?? cores));
  return Math.min(MAX_PROCESSES, Math.max(1, whole));
}

/** The lowest CPU limit of the cgroup and of the groups that contain it, in cores; undefined without a limit. */
function cgroupCores(read: ReadText): number | undefined {
  const v2 = groupsFrom(cgroupOf(read, '')).map((path) => limitOfV2(read, `/sys/fs/cgroup${path}`));
  const v1 = groupsFrom(cgroupOf(read, 'cpu')).flatMap((path) =>
    MOUNTS_OF_V1.map((mount) => limitOfV1(read, `${mount}${path}`)),
  );
  // `max`, -1, and text that is not a limit are not numbers above 0.
  const limits = [...v2, ...v1].filter((limit) => Number.isFinite(limit) && limit > 0);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** The path of a cgroup and of every group that contains it, to the root, which is ''. */
function groupsFrom(path: string): string[] {
  return path === '' ? [''] : [path, ...groupsFrom(path.slice(0, path.lastIndexOf('/')))];
}

/** In cores; not a number above 0 if no limit is set. */
function limitOfV2(read: ReadText, directory: string): number {
  const [quota, period] = read(`${directory}/cpu.max`)?.trim().split(/\s+/) ?? [];
  return Number(quota) / Number(period);
}

/** In cores; not a number above 0 if no limit is set. */
function limitOfV1(read: ReadText, directory: string): number {
  return Number(read(`${directory}/cpu.cfs_quota_us`)) / Number(read(`${directory}/cpu.cfs_period_us`));
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
