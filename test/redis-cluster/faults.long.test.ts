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
    // Reads that the machine delayed do not count. The service is connected to a replica before it replaces its master.
    if (fault.handsOver) assert.deepEqual(row.unknown, []);
    // While slots move, both masters answer; but connecting to a new master takes some of the time-out of a read.
    if (fault.silent && !fault.mayLose)
      assert.ok(row.unknown.length <= row.reads / 100, `of ${row.reads} reads: ${row.unknown.join('; ')}`);
  });
}
