import assert from 'node:assert/strict';
import { test } from 'node:test';
import { put, readIntoL1 } from '../support/client.ts';
import { explainedBy } from '../support/explain.ts';
import { keysByMaster, openCluster, openService } from './support.ts';

test('explain asks every replica over the master of the key, and names the master', async (t) => {
  const cluster = await openCluster(t);
  const [near, far] = await Promise.all([openService(t, cluster), openService(t, cluster)]);
  for (const [port, [key]] of await keysByMaster(cluster, 1)) {
    await put(near, key!, '1');
    await readIntoL1(far, key!);
    const { redis, replicas, last_change } = await explainedBy(near, key!, 2);
    assert.equal(redis.state, 'value');
    assert.ok(redis.server!.endsWith(`:${port}`), redis.server);
    assert.deepEqual([replicas[1]!.l1.state, replicas[1]!.l1.version], ['fresh', redis.version]);
    assert.equal(last_change!.writer, replicas[0]!.replica);
  }
});
