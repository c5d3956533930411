import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callgrind } from '../../../bench/peers/callgrind.ts';
import { forkServer } from '../../../bench/peers/launch.ts';
import { programFile } from '../../support/program-file.ts';

const TURNS = 3_000_000;
const PROGRAM = `
  let sum = 0;
  process.on('message', ({ turns }) => {
    for (let i = 0; i < turns; i++) sum = (sum + i * i) | 0;
    process.send(sum);
  });
  process.send('ready');
`;

test('what is counted is what the process does meanwhile: twice the work is twice the instructions', async (t) => {
  const counter = await callgrind();
  const worker = await forkServer(await programFile(t, PROGRAM), [], process.env, counter.under);
  t.after(async () => {
    await worker.stop();
    await counter.remove();
  });
  const work = (turns: number) => counter.during(worker.pid, () => worker.ask({ turns }));
  // The code is compiled, and what is done between two counts is in neither.
  await worker.ask({ turns: TURNS });
  const [once, twice] = [await work(TURNS), await work(2 * TURNS)];
  const ratio = twice / once;
  assert.ok(ratio > 1.8 && ratio < 2.2, `${twice} instructions are ${ratio} times ${once}`);
  assert.ok(once > TURNS, `${once} instructions for ${TURNS} turns`);
});
