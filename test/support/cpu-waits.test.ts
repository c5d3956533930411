import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { pin, SERVER_CORE } from '../../loadtest/support/pin.ts';
import { until } from '../../loadtest/support/until.ts';
import { tether } from '../../loadtest/target/tether.ts';
import { CpuWaits } from './cpu-waits.ts';

test('a process that shares a core with a busy one waits, and one that sleeps does not', async (t) => {
  const busy = await start(t, 'for (;;);');
  const other = await start(t, 'for (;;);');
  for (const { pid } of [busy, other]) pin(SERVER_CORE, pid!);
  const asleep = await startReader(t);
  const [waits, none] = [busy, asleep].map(({ pid }) => {
    const each = new CpuWaits(() => [pid!]);
    t.after(() => each.stop());
    return each;
  });
  const from = performance.now();
  await until(() => waits!.within(from, performance.now()) > 50);
  const to = performance.now();
  assert.ok(none!.within(from, to) < waits!.within(from, to));
  assert.equal(waits!.within(from - 2, from - 1) <= waits!.within(from - 2, to), true);
});

async function start(t: TestContext, script: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  tether(child);
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child;
}

/** A process that waits for input: when it has written a line, it needs no core any more. */
async function startReader(t: TestContext): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', 'echo ready; read -r _']);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}
