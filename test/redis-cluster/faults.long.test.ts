import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLUSTER_FAULTS } from '../chaos/cluster-faults.ts';
import { openClusterStage } from '../chaos/cluster-stage.ts';
import { measureOn } from '../chaos/measure.ts';
import { rowOf } from '../chaos/table.ts';
import { PROMISED, verdict } from '../chaos/verdict.ts';

// The short form of `make chaos ARGS=cluster`.

/** More than is promised: a dozen processes share the cores. */
const SLOWEST_MS = 400;

for (const fault of CLUSTER_FAULTS) {
  test(`when ${fault.name}, no read fails and no write is refused`, async (t) => {
    const row = await measureOn(() => openClusterStage(fault), fault, {
      calmMs: 500,
      boundMs: PROMISED.boundMs,
    });
    t.diagnostic(rowOf(row));
    assert.deepEqual(verdict(row, SLOWEST_MS), []);
    if (fault.env?.REDIS_MIN_REPLICAS_ACK)
      assert.deepEqual(
        row.lost.filter((line) => line.startsWith('min_rate:counter-')),
        [],
      );
    // While slots move, both masters answer. On a busy machine connecting to a new master may exceed the time-out.
    if (fault.silent && !fault.mayLose)
      assert.ok(row.unknownReads <= row.reads / 100, `${row.unknownReads} reads were unknown`);
  });
}
