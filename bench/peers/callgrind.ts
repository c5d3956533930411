/** Counts the instructions of a program in its own code and its libraries, which other programs do not change. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Programs of the package `valgrind`. */
export const CALLGRIND = ['valgrind', 'callgrind_control'];

const IDLE_MS = 2000;

export interface Callgrind {
  /** The program must be started by this, followed by its own command. */
  readonly under: readonly string[];
  /** Instructions of the process, all its threads together, while `act` is under way. */
  during(pid: number, act: () => Promise<unknown>): Promise<number>;
  /**
   * As `during`, without what the process does for as long when it is idle: its timers. On a busy machine `act` takes
   * longer, and more of them run.
   */
  causedBy(pid: number, act: () => Promise<unknown>): Promise<number>;
  /** When the process has ended. */
  remove(): Promise<void>;
}

/** Does not count the instructions of the kernel. */
export async function callgrind(): Promise<Callgrind> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-callgrind-'));
  const count = (pid: number, act: () => Promise<unknown>) => counted(dir, pid, act);
  let idle: Promise<Count> | undefined;
  return {
    under: [
      ...['valgrind', '--tool=callgrind', '--quiet', '--instr-atstart=no'],
      // V8 writes code of its own.
      ...[`--callgrind-out-file=${join(dir, 'counted')}`, '--smc-check=all-non-file'],
    ],
    during: async (pid, act) => (await count(pid, act)).instructions,
    causedBy: async (pid, act) => {
      idle ??= count(pid, () => pause(IDLE_MS));
      const rest = await idle;
      const { instructions, ms } = await count(pid, act);
      return instructions - (rest.instructions / rest.ms) * ms;
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

interface Count {
  readonly instructions: number;
  /** How long they were counted. */
  readonly ms: number;
}

async function counted(directory: string, pid: number, act: () => Promise<unknown>): Promise<Count> {
  await control('--instr=on', pid);
  const started = performance.now();
  await act();
  await control('--dump', pid);
  const ms = performance.now() - started;
  await control('--instr=off', pid);
  return { instructions: await takeCount(directory), ms };
}

async function control(request: string, pid: number): Promise<void> {
  await promisify(execFile)('callgrind_control', [request, String(pid)]);
}

/** Each dump is a file of its own, and its counts begin at 0. */
async function takeCount(directory: string): Promise<number> {
  const files = (await readdir(directory)).filter((name) => name.startsWith('counted.'));
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  await Promise.all(files.map((name) => rm(join(directory, name))));
  const totals = texts.map((text) => Number(/^totals: (\d+)$/m.exec(text)?.[1]));
  if (files.length === 0 || totals.some(Number.isNaN)) throw new Error('callgrind has counted nothing');
  return totals.reduce((sum, total) => sum + total, 0);
}
