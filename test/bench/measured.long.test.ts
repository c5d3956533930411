import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Row } from '../../bench/compare/row.ts';
import { push } from '../../bench/compare/rows/push.ts';
import { load64 } from '../../bench/compare/rows/redis.ts';
import { wsMget } from '../../bench/compare/rows/websocket.ts';
import { runRows } from '../../bench/compare/run-rows.ts';
import { onStage } from '../../bench/compare/stage.ts';

const run = async (row: Row) => {
  const [result] = await onStage((stage) => runRows([row], { rounds: 1, seconds: 0.3 }, stage));
  return result!.contestants;
};

// Benchmarks measure the sources.
delete process.env.RATECACHE_BINARY;

test('ratecache and bare uWS are measured over WebSocket, with answers of one length', async () => {
  const [ours, bare] = await run(wsMget);
  for (const { samples, absent, invalid } of [ours!, bare!])
    assert.equal(samples.length, 1, `${absent} ${invalid}`);
  const [one, other] = [ours!, bare!].map(({ samples }) => samples[0]!.figures);
  assert.ok(one!.perSecond! > 0 && one!.cpuUs! > 0 && one!.core! > 0);
  assert.ok(Math.abs(one!.bytes! / other!.bytes! - 1) < 0.01, `${one!.bytes} and ${other!.bytes} bytes`);
});

for (const row of [load64, push])
  test(`${row.title}: ratecache and ioredis work, and report their latency`, async () => {
    const ours = row.contestants.filter(({ name }) => !/layered-loader|bentocache/.test(name));
    for (const { title, samples, absent } of await run({ ...row, contestants: ours })) {
      assert.equal(samples.length, 1, `${title}: ${absent}`);
      assert.ok(samples[0]!.figures.p50Us! > 0, title);
    }
  });
