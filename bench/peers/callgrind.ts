/** Counts the instructions of a program in its own code and its libraries, which other programs do not change. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Programs of the package `valgrind`. */
export const CALLGRIND = ['valgrind', 'callgrind_control'];

export interface Callgrind {
  /** The program must be started by this, followed by its own command. */
  readonly under: readonly string[];
  /** Instructions of the process, all its threads together, while `act` is under way. */
  during(pid: number, act: () => Promise<unknown>): Promise<number>;
  /** When the process has ended. */
  remove(): Promise<void>;
}

/** Does not count the instructions of the kernel. */
export async function callgrind(): Promise<Callgrind> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-callgrind-'));
  return {
    under: [
      ...['valgrind', '--tool=callgrind', '--quiet', '--instr-atstart=no'],
      // V8 writes code of its own.
      ...[`--callgrind-out-file=${join(dir, 'counted')}`, '--smc-check=all-non-file'],
    ],
    during: async (pid, act) => {
      await control('--instr=on', pid);
      await act();
      await control('--dump', pid);
      await control('--instr=off', pid);
      return takeCount(dir);
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
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
