/** What needs wrk or valgrind. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { get16 } from '../../bench/compare/rows/l1-hit.ts';
import { runRows } from '../../bench/compare/run-rows.ts';
import { onStage } from '../../bench/compare/stage.ts';
import { callgrind } from '../../bench/peers/callgrind.ts';
import { startChild } from '../../bench/support/child.ts';
import { programFile } from '../support/program-file.ts';

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

// Benchmarks measure the sources.
delete process.env.RATECACHE_BINARY;

test('ratecache and bare uWS are measured over HTTP, with answers of one length', async () => {
  const row = { ...get16, contestants: get16.contestants.slice(0, 2) };
  const [result] = await onStage((stage) => runRows([row], { rounds: 1, seconds: 1 }, stage));
  const [ours, bare] = result!.contestants.map(({ samples, absent, invalid }) => {
    assert.equal(samples.length, 1, `${absent} ${invalid}`);
    return samples[0]!.figures;
  });
  assert.ok(ours!.perSecond! > 0 && ours!.cpuUs! > 0 && ours!.core! > 0);
  assert.ok(Math.abs(ours!.bytes! / bare!.bytes! - 1) < 0.01, `${ours!.bytes} and ${bare!.bytes} bytes`);
});

test('a real server is profiled under the load of a row, and its profile is kept', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-profile-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const args = [MAIN, 'profile', 'get-16', '--seconds', '0.5', '--keep', dir];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.match(stdout, /uWS, libuv and the kernel, outside of functions/);
  assert.match(stdout, /src\/http\/read\.ts:\d+ +│ +[1-9]/);
  const { startTime, endTime } = JSON.parse(await readFile(join(dir, 'get-16.cpuprofile'), 'utf8'));
  assert.ok(endTime - startTime > 400_000);
});

const TURNS = 3_000_000;
const PROGRAM = `
  let sum = 0;
  process.on('message', ({ turns }) => {
    for (let i = 0; i < turns; i++) sum = (sum + i * i) | 0;
    process.send(sum);
  });
  process.send('ready');
`;

test('twice the work is twice the instructions, and work before the count is not in it', async (t) => {
  const { under, during, remove } = await callgrind();
  const worker = await startChild(await programFile(t, PROGRAM), { under });
  t.after(async () => {
    await worker.stop();
    await remove();
  });
  const work = (turns: number) => during(worker.pid, () => worker.ask({ turns }));
  // Compiles the code.
  await worker.ask({ turns: TURNS });
  const [once, twice] = [await work(TURNS), await work(2 * TURNS)];
  const ratio = twice / once;
  assert.ok(ratio > 1.8 && ratio < 2.2, `${twice} instructions are ${ratio} times ${once}`);
  assert.ok(once > TURNS, `${once} instructions for ${TURNS} turns`);
});

// The first ticks are for V8: it compiles the code while they run.
const TICKING = `
  let sum = 0;
  const tick = () => {
    for (let i = 0; i < 20_000; i++) sum = (sum + i * i) | 0;
  };
  for (let i = 0; i < 2000; i++) tick();
  setInterval(tick, 50);
  process.send('ready');
`;

test('what the timers of a process do is not counted as caused by an act', async (t) => {
  const { under, during, causedBy, remove } = await callgrind();
  const ticking = await startChild(await programFile(t, TICKING), { under });
  t.after(async () => {
    await ticking.stop();
    await remove();
  });
  const idle = () => pause(1000);
  const [all, caused] = [await during(ticking.pid, idle), await causedBy(ticking.pid, idle)];
  assert.ok(Math.abs(caused) < all / 2, `${caused} of ${all} instructions`);
});
