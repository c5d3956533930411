import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { test } from 'node:test';
import { GENERATOR_CORE, pin, SERVER_CORE } from '../../../loadtest/support/pin.ts';
import { tether } from '../../../loadtest/target/tether.ts';

test('a process that is bound to a core itself still binds others to another', async (t) => {
  // Of a machine with one core there is nothing to bind to.
  const several = cpus().length > 1;
  assert.equal(pin(GENERATOR_CORE, process.pid), several);
  const child = spawn('sleep', ['60']);
  tether(child);
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  assert.equal(pin(SERVER_CORE, child.pid!), several);
  assert.equal(coresOf(child.pid!), String(SERVER_CORE));
});

function coresOf(pid: number): string {
  return /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
}
