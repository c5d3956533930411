/** CPU and memory of processes and cores, from /proc. */
import { readFileSync } from 'node:fs';

// The kernel reports hundredths of a second, whatever its own tick.
const TICKS_PER_SECOND = 100;

/** CPU time of a process, all threads together; undefined if the system has no /proc. */
export function cpuSecondsOf(pid: number): number | undefined {
  const fields = statOf(pid);
  // utime and stime.
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The parent process; undefined if the system has no /proc. */
export function parentOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields && Number(fields[1]);
}

/** Resident memory. @throws if the system has no /proc */
export function residentBytesOf(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kibibytes) * 1024;
}

/** Seconds that a core was busy, or used by other virtual machines; undefined if the system has no /proc. */
export function busySecondsOf(core: number): number | undefined {
  const line = read('/proc/stat')
    ?.split('\n')
    .find((text) => text.startsWith(`cpu${core} `));
  if (line === undefined) return undefined;
  const [user, nice, system, , , irq, softirq, steal] = line.split(' ').slice(1).map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / TICKS_PER_SECOND;
}

/** The fields of /proc/PID/stat from the state on; the name in brackets before it may contain any character. */
function statOf(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
