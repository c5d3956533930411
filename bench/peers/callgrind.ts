/** Counting a program's instructions in its own code and its libraries, which no neighbour of the machine changes. */
import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scratch } from './launch.ts';

/** Programs of the package `valgrind`. */
export const CALLGRIND = ['valgrind', 'callgrind_control'];

export interface Callgrind {
  /** What the program must be started by: this, and then its own command. */
  readonly under: readonly string[];
  /** Instructions of the process, all its threads together, while `act` is under way. */
  during(pid: number, act: () => Promise<unknown>): Promise<number>;
  /** When the process has ended. */
  remove(): Promise<void>;
}

/** The kernel's instructions are not among those that are counted. */
export async function callgrind(): Promise<Callgrind> {
  const { path, remove } = await scratch();
  return {
    under: [
      'valgrind',
      ...[
        '--tool=callgrind',
        '--quiet',
        '--instr-atstart=no',
        `--callgrind-out-file=${join(path, 'counted')}`,
      ],
      // V8 writes code of its own.
      '--smc-check=all-non-file',
    ],
    during: async (pid, act) => {
      await control('--instr=on', pid);
      await act();
      await control('--dump', pid);
      await control('--instr=off', pid);
      return takeCount(path);
    },
    remove,
  };
}

async function control(request: string, pid: number): Promise<void> {
  await promisify(execFile)('callgrind_control', [request, String(pid)]);
}

/** Each dump is a file of its own, and begins to count anew. */
async function takeCount(directory: string): Promise<number> {
  const files = (await readdir(directory)).filter((name) => name.startsWith('counted.'));
  const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  await Promise.all(files.map((name) => rm(join(directory, name))));
  const totals = texts.map((text) => /^totals: (\d+)$/m.exec(text)?.[1]);
  if (files.length === 0 || totals.includes(undefined)) throw new Error('callgrind has counted nothing');
  return totals.reduce((sum, total) => sum + Number(total), 0);
}
