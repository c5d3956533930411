/** Starts of a program, one after another: from exec to its first answer. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { median } from '../../../loadtest/support/median.ts';
import { SERVER_CORE } from '../../../loadtest/support/pin.ts';
import { until } from '../../../loadtest/support/until.ts';
import { freePort } from '../../../loadtest/target/redis-server.ts';
import { tether } from '../../../loadtest/target/tether.ts';
import type { Load } from '../row.ts';
import { oneAnswer } from './one-answer.ts';

const TIMEOUT_MS = 10_000;

/** @param command the program and its arguments; it listens on the port that PORT names, and answers GET /livez */
export function starting(command: readonly string[]): Load {
  return {
    warmsUp: true,
    run: async (_, seconds) => {
      const end = performance.now() + seconds * 1000;
      const times: number[] = [];
      do times.push(await timeToAnswer(command));
      while (performance.now() < end);
      return { requests: times.length, seconds, faults: [], latency: { p50Us: median(times) * 1000 } };
    },
  };
}

async function timeToAnswer(command: readonly string[]): Promise<number> {
  const port = await freePort();
  const started = performance.now();
  const child = spawn('taskset', ['-c', String(SERVER_CORE), ...command], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: 'ignore',
  });
  tether(child);
  const exited = once(child, 'exit');
  try {
    const request = 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
    await until(() => oneAnswer(port, request), { timeoutMs: TIMEOUT_MS, everyMs: 1 });
    return performance.now() - started;
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}
