import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../../loadtest/support/until.ts';
import { residentBytesOf } from '../../../loadtest/target/proc.ts';
import { freePort } from '../../../loadtest/target/redis-server.ts';
import { tether } from '../../../loadtest/target/tether.ts';
import type { Load } from '../load.ts';

const TIMEOUT_MS = 20_000;
/** Before memory is read. */
const SETTLE_MS = 500;

/** One start. @param command the program and its arguments; it listens on PORT, and answers `GET /livez` */
export function starting([program, ...args]: readonly string[]): Load {
  return {
    run: async () => {
      const port = await freePort();
      const env = { PATH: process.env.PATH, PORT: String(port), LOG_LEVEL: 'error' };
      const began = performance.now();
      const child = spawn(program!, args, { env, stdio: 'ignore' });
      const exited = once(child, 'exit');
      try {
        await until(() => fetch(`http://127.0.0.1:${port}/livez`), { timeoutMs: TIMEOUT_MS, everyMs: 1 });
        const startMs = performance.now() - began;
        // Not before: it starts a process too, which would add to the time.
        tether(child);
        await delay(SETTLE_MS);
        const megabytes = residentBytesOf(child.pid!) / 1e6;
        return { requests: 1, seconds: startMs / 1000, faults: [], figures: { startMs, megabytes } };
      } finally {
        child.kill('SIGKILL');
        await exited;
      }
    },
  };
}
