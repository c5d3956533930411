import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MutantName } from './index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LEAVE = new URL('../support/leave.ts', import.meta.url).href;

export interface MutantRun {
  /** The exit code; -1 if the program was killed after the time-out. */
  readonly code: number;
  readonly output: string;
}

/** Runs a program of this project and all services that it starts with the mutant, or without one for undefined. */
export function runWith(
  mutant: MutantName | undefined,
  args: readonly string[],
  timeoutMs: number,
): Promise<MutantRun> {
  // Without NODE_TEST_CONTEXT a test file runs separately from the tests of this process.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const imports = ['--import', LEAVE];
  if (mutant !== undefined) {
    const url = new URL('put.ts', import.meta.url);
    url.searchParams.set('mutant', mutant);
    imports.push('--import', url.href);
    env.RATECACHE_IMPORT = url.href;
  }
  const options = { cwd: ROOT, env, timeout: timeoutMs };
  return new Promise((resolve) => {
    execFile(process.execPath, [...imports, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: stdout + stderr });
    });
  });
}
