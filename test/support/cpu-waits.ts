import { readFileSync } from 'node:fs';

const EVERY_MS = 5;

/**
 * How long processes waited for a core while other programs, or other machines of the same host, had it. A busy machine
 * makes a service late by as much, and no document promises anything about that: a promise in milliseconds is judged
 * without these waits.
 */
export class CpuWaits {
  readonly #pids: () => readonly number[];
  readonly #timer: NodeJS.Timeout;
  readonly #waited = new Map<number, number>();
  #stolen = stolenMs();
  /** When each look was, and what all processes together had waited by then, in ms. */
  readonly #times: number[] = [];
  readonly #totals: number[] = [];

  /** @param pids a process that was started again has another one */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#look();
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** How long they waited within this time of `performance.now()`, in ms; more than it lasts where several waited. */
  within(from: number, to: number): number {
    if (this.#times.at(-1)! < to) this.#look();
    return this.#totals[this.#firstAt(to)]! - this.#totals[Math.max(0, this.#firstAt(from) - 1)]!;
  }

  /** The first look that was not before this time, or the last of all. */
  #firstAt(time: number): number {
    let [low, high] = [0, this.#times.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle]! >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #look(): void {
    let total = this.#totals.at(-1) ?? 0;
    for (const pid of this.#pids()) {
      const waitedMs = waitedMsOf(pid);
      if (waitedMs === undefined) continue;
      total += waitedMs - (this.#waited.get(pid) ?? waitedMs);
      this.#waited.set(pid, waitedMs);
    }
    const stolen = stolenMs();
    total += stolen - this.#stolen;
    this.#stolen = stolen;
    this.#times.push(performance.now());
    this.#totals.push(total);
  }
}

/** How long the main thread has waited for a core that was in use, in ms; undefined where the process has ended. */
function waitedMsOf(pid: number): number | undefined {
  try {
    const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
    return Number(waitedNs) / 1e6;
  } catch {
    return undefined;
  }
}

/** How long the host gave the cores of this machine to others, in ms: `steal` of proc(5), in units of 10 ms. */
function stolenMs(): number {
  return Number(readFileSync('/proc/stat', 'utf8').split(/ +/, 9)[8]) * 10;
}
