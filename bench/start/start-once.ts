import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { residentBytesOf } from '../../loadtest/target/proc.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { tether } from '../../loadtest/target/tether.ts';
import type { Contender } from './contenders.ts';

export interface Start {
  /** From the call that starts the process to the first bytes of an answer. */
  readonly ms: number;
  /** Resident, half a second later. */
  readonly megabytes: number;
}

const TIMEOUT_MS = 20_000;
const EVERY_MS = 1;
const SETTLE_MS = 500;
const REQUEST = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';

export async function startOnce({ name, command, args, env }: Contender): Promise<Start> {
  const port = await freePort();
  const started = performance.now();
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, PORT: String(port), LOG_LEVEL: 'error', ...env },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  try {
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
      if (performance.now() - started > TIMEOUT_MS) throw new Error(`${name} does not answer`);
      await delay(EVERY_MS);
    }
    const ms = performance.now() - started;
    // Not before: it starts a process itself, which would cost the start time.
    tether(child);
    await delay(SETTLE_MS);
    return { ms, megabytes: residentBytesOf(child.pid!) / 1e6 };
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(REQUEST));
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
