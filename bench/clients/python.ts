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

export interface PythonWorker {
  readonly pid: number;
  ask<Answer>(job: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** @param way a key of `WAYS` in `worker.py` */
export function startPython(way: string, keys: readonly string[]): PythonWorker {
  const child = spawn(PYTHON, [WORKER, way], {
    env: { ...process.env, PYTHONPATH: CLIENT },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  tether(child);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${PYTHON} ended with ${code ?? signal}`);
  });
  ended.catch(() => {});
  const lines = createInterface({ input: child.stdout });
  const ask = async <Answer>(job: object): Promise<Answer> => {
    const answer = once(lines, 'line');
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const [line] = (await Promise.race([answer, ended])) as [string];
    return JSON.parse(line) as Answer;
  };
  child.stdin.write(`${JSON.stringify(keys)}\n`);
  const stop = async () => {
    child.kill('SIGKILL');
    await ended.catch(() => {});
  };
  return { pid: child.pid!, ask, stop };
}
