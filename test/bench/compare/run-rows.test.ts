import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Running } from '../../../bench/compare/contender.ts';
import type { Load } from '../../../bench/compare/load.ts';
import type { Contestant, Row } from '../../../bench/compare/row.ts';
import { instructions } from '../../../bench/compare/rows/instructions.ts';
import { runRows } from '../../../bench/compare/run-rows.ts';
import { onStage } from '../../../bench/compare/stage.ts';

const run = async (row: Row, rounds = 1, seconds = 0.3) => {
  const [result] = await onStage((stage) => runRows([row], { rounds, seconds }, stage));
  return result!.contestants;
};

/** A simulated contestant. */
function imaginary(name: string, load: Partial<Load>, running: Partial<Running> = {}): Contestant {
  const server = { port: 0, pids: [], pathOf: (key: string) => key, stop: async () => {}, ...running };
  const contender = { name, title: name, needs: [], start: async () => server };
  const once = async () => ({ requests: 1, seconds: 1, faults: [] });
  return { name, title: name, contender, load: { warmUp: async () => {}, run: once, ...load } };
}

const rowOf = (...contestants: Contestant[]): Row => ({
  ...{ name: 'row', title: 'A row', about: '', contestants, reference: contestants[0]!.name, figures: [] },
});

test('a server that imitates takes over the answer of the first contestant before each run', async () => {
  const taken: string[] = [];
  const answer = (text: string) => async () => ({ payload: Buffer.from(text) });
  const imitate = async ({ payload }: Answer) => void taken.push(payload.toString());
  await run(
    rowOf(
      imaginary('1', { example: answer('one') }),
      imaginary('2', { example: answer('two') }, { imitate }),
    ),
    2,
  );
  assert.deepEqual(taken, ['one', 'one']);
});

test('every other round goes backwards', async () => {
  const order: string[] = [];
  const noted = (name: string) =>
    imaginary(name, {
      run: async () => {
        order.push(name);
        return { requests: 1, seconds: 1, faults: [] };
      },
    });
  await run(rowOf(noted('a'), noted('b')), 3);
  assert.deepEqual(order.join(''), 'abbaab');
});

test('a run with faults does not count, and a contestant that throws is not measured again', async () => {
  let runs = 0;
  const faulty = imaginary('faulty', {
    run: async () => ({ requests: 1, seconds: 1, faults: ['2 errors'] }),
  });
  const broken = imaginary('broken', {
    run: async () => {
      runs++;
      throw new Error('no answer');
    },
  });
  const [one, other] = await run(rowOf(faulty, broken), 3);
  assert.deepEqual([one!.samples, one!.invalid], [[], Array(3).fill('2 errors')]);
  assert.deepEqual([other!.absent, runs], ['no answer', 1]);
});

test('a row may limit its rounds', async () => {
  const [only] = await run({ ...rowOf(imaginary('a', {})), rounds: 2 }, 5);
  assert.equal(only!.samples.length, 2);
  for (const { name, rounds } of instructions) assert.ok(rounds! <= 2, name);
});
