/** What the kernel tells of processes and cores, in /proc. */
import { readFileSync } from 'node:fs';

// The kernel tells of hundredths of a second, whatever its own tick.
const TICKS_PER_SECOND = 100;

/** What a process has taken of all cores, its threads together; undefined where the system does not tell. */
export function cpuSecondsOf(pid: number): number | undefined {
  const parts = cpuPartsOf(pid);
  return parts && parts.user + parts.kernel;
}

/** The same, in the program and in the kernel. */
export function cpuPartsOf(pid: number): { user: number; kernel: number } | undefined {
  const fields = statOf(pid);
  // utime and stime.
  return (
    fields && { user: Number(fields[11]) / TICKS_PER_SECOND, kernel: Number(fields[12]) / TICKS_PER_SECOND }
  );
}

/** Seconds that its main thread has run, and has waited for a core that others had; undefined where the system does not tell. */
export function mainThreadOf(pid: number): { ran: number; waited: number } | undefined {
  const nanoseconds = read(`/proc/${pid}/task/${pid}/schedstat`)?.split(' ');
  return nanoseconds && { ran: Number(nanoseconds[0]) / 1e9, waited: Number(nanoseconds[1]) / 1e9 };
}

/** The process that started it; undefined where the system does not tell. */
export function parentOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields && Number(fields[1]);
}

/** What it has in memory. @throws where the system does not tell */
export function residentBytesOf(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kibibytes) * 1024;
}

/** What a core was busy with, or lent to other virtual machines; undefined where the system does not tell. */
export function busySecondsOf(core: number): number | undefined {
  const line = read('/proc/stat')
    ?.split('\n')
    .find((text) => text.startsWith(`cpu${core} `));
  if (line === undefined) return undefined;
  const [user, nice, system, , , irq, softirq, steal] = line.split(' ').slice(1).map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / TICKS_PER_SECOND;
}

/** What the system tells of a process, from its state on: the name before it, in brackets, may hold anything. */
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
