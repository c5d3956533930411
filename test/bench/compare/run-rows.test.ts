import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Contestant, Row } from '../../../bench/compare/row.ts';
import { runRows } from '../../../bench/compare/run-rows.ts';
import { Stage } from '../../../bench/compare/stage.ts';
import { bareUws } from '../../../bench/peers/bare-uws/peer.ts';
import type { Running } from '../../../bench/peers/peer.ts';

/** A contestant on a server of its own, that notes which process each of its runs meets. */
function noted(name: string, more: Partial<Contestant> = {}): Contestant & { readonly pids: number[] } {
  const pids: number[] = [];
  const run = async ({ pids: [pid] }: Running) => {
    pids.push(pid!);
    return { requests: 1, seconds: 1, faults: [] };
  };
  return { name, title: name, peer: { ...bareUws }, load: { warmsUp: true, run }, ...more, pids };
}

async function measured(t: TestContext, contestants: readonly Contestant[], more: Partial<Row> = {}) {
  const stage = new Stage();
  t.after(() => stage.close());
  const row: Row = {
    ...{ name: 'row', title: 'A row', about: '', references: [], columns: 'throughput', contestants },
    ...more,
  };
  const [result] = await runRows([row], { rounds: 3, seconds: 0.1 }, stage, { begins() {}, end() {} });
  for (const { absent } of result!.contestants) assert.equal(absent, undefined);
  return result!.contestants.map(({ samples }) => samples.length);
}

test('a server goes on from round to round, unless the row has each begin with a new one', async (t) => {
  const one = noted('one');
  assert.deepEqual(await measured(t, [one]), [3]);
  assert.equal(new Set(one.pids).size, 1);
  const each = noted('each');
  assert.deepEqual(await measured(t, [each], { anew: true }), [3]);
  assert.equal(new Set(each.pids).size, 3);
  for (const gone of each.pids.slice(0, -1)) assert.throws(() => process.kill(gone, 0), { code: 'ESRCH' });
});

test('a row may have fewer rounds than the others, and never more', async (t) => {
  assert.deepEqual(await measured(t, [noted('a'), noted('b')], { rounds: 2 }), [2, 2]);
  assert.deepEqual(await measured(t, [noted('a')], { rounds: 9 }), [3]);
});

test('the runs of a row may be longer than the others', async (t) => {
  const asked: number[] = [];
  const run = async (_: Running, seconds: number) => {
    asked.push(seconds);
    return { requests: 1, seconds, faults: [] };
  };
  await measured(t, [noted('a', { load: { warmsUp: true, run } })], { rounds: 1 });
  await measured(t, [noted('a', { load: { warmsUp: true, run } })], { rounds: 1, longer: 8 });
  assert.deepEqual(asked, [0.1, 0.8]);
});

test('a server that imitates takes over the answer of its model, or of the first', async (t) => {
  const taken: string[] = [];
  const server = (name: string, more: Partial<Running> = {}): Contestant => {
    const running = { port: 0, pids: [], pathOf: (key: string) => key, stop: async () => {}, ...more };
    const run = async () => ({ requests: 1, seconds: 1, faults: [] });
    const peer = { name, title: name, needs: [], start: async () => running };
    return { name, title: name, peer, load: { warmsUp: true, run, example: async () => Buffer.from(name) } };
  };
  const imitator = (name: string) =>
    server(name, { imitate: async (answer) => void taken.push(`${name} ${answer}`) });
  await measured(t, [server('1'), server('2'), imitator('3'), { ...imitator('4'), model: '2' }], {
    rounds: 1,
  });
  assert.deepEqual(taken, ['3 1', '4 2']);
});
