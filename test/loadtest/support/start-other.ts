import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pin, SERVER_CORE } from '../../../loadtest/support/pin.ts';

/** Starts a server of this folder as a process of its own, on the core of servers; gives its port. */
export async function startOther(t: TestContext, name: string, ...args: string[]): Promise<number> {
  const child = fork(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), args, { execArgv: [] });
  t.after(() => child.kill('SIGKILL'));
  const [{ port }] = await once(child, 'message');
  pin(SERVER_CORE, child.pid!);
  return port;
}
