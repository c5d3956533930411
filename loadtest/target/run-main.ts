import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { program } from './program.ts';
import { tether } from './tether.ts';

const TIMEOUT_MS = 120_000;

export type Run = { code: number | null; stdout: string; stderr: string };

/**
 * Runs `ratecache` with these arguments in a clean environment, and waits for its end.
 * @param input its standard input
 */
export async function runMain(
  args: readonly string[],
  env: Record<string, string> = {},
  input = '',
): Promise<Run> {
  const invocation = program(...args);
  const child = spawn(invocation.command, invocation.args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  tether(child);
  const run: Run = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    run.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    run.stderr += chunk;
  });
  // A program that has ended reads no input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { ...run, code };
}
