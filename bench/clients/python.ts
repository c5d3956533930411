/** Programs in Python as processes that do jobs: each job and each answer is one line of JSON. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { tether } from '../../loadtest/target/tether.ts';

/** The Python whose packages Debian has. */
export const PYTHON = process.env.PYTHON ?? '/usr/bin/python3';
const PACKAGES = '/usr/lib/python3/dist-packages';
/** Debian's packages belong to Debian's Python; another Python must have them already. */
export const PYTHON_NEEDS: readonly string[] =
  process.env.PYTHON === undefined
    ? ['python3', `${PACKAGES}/websockets/__init__.py`, `${PACKAGES}/redis/__init__.py`]
    : [PYTHON];

const WORKER = fileURLToPath(new URL('worker.py', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../clients/python', import.meta.url));

/** Characters of its standard error that an error keeps. */
const STDERR_LENGTH = 10_000;

export interface PythonWorker {
  readonly pid: number;
  /** One job at a time. The process is killed if it does not answer in time. */
  ask<Answer>(job: object): Promise<Answer>;
  stop(): Promise<void>;
}

/**
 * @param way a key of `WAYS` in `worker.py`
 * @param answerTimeoutMs for each job
 */
export function startPython(way: string, keys: readonly string[], answerTimeoutMs: number): PythonWorker {
  const child = spawn(PYTHON, [WORKER, way], {
    env: { ...process.env, PYTHONPATH: CLIENT },
    stdio: 'pipe',
  });
  tether(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    process.stderr.write(chunk);
    stderr = (stderr + chunk).slice(-STDERR_LENGTH);
  });
  // The end of the process says more.
  child.stdin.on('error', () => {});
  // `close` comes after `exit`, when the standard error has been read. Its last line is the error.
  let late = '';
  const ended = once(child, 'close').then(([code, signal]): never => {
    throw new Error(`python: ${late || stderr.trim().split('\n').at(-1) || `ended with ${code ?? signal}`}`);
  });
  ended.catch(() => {});
  const stop = async () => {
    child.kill('SIGKILL');
    await ended.catch(() => {});
  };
  const lines = createInterface({ input: child.stdout });
  const ask = async <Answer>(job: object): Promise<Answer> => {
    const answer = once(lines, 'line', { signal: AbortSignal.timeout(answerTimeoutMs) }).catch(() => {
      // A late answer must not count as the answer to the next job.
      late ||= `no answer within ${answerTimeoutMs / 1000} s to ${JSON.stringify(job)}`;
      child.kill('SIGKILL');
      return ended;
    });
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const [line] = (await Promise.race([answer, ended])) as [string];
    return JSON.parse(line) as Answer;
  };
  child.stdin.write(`${JSON.stringify(keys)}\n`);
  return { pid: child.pid!, ask, stop };
}
