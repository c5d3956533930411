import { readFileSync } from 'node:fs';

// The kernel tells of hundredths of a second, whatever its own tick.
const TICKS_PER_SECOND = 100;

/** What a process has taken of all cores, its threads together; undefined where the system does not tell. */
export function cpuSecondsOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // utime and stime, the 14th and 15th field; the name of the process, in brackets, may have spaces.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
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

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
