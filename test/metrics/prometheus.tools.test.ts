import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';

test('promtool reports only one name suffix, which the runbook prescribes', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop());
  const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await (await service.fetch('/metrics')).text(),
    encoding: 'utf8',
  });
  assert.equal(error, undefined);
  const findings = (stdout + stderr).trim().split('\n');
  assert.deepEqual(findings, [
    'redis_connection_count non-histogram and non-summary metrics should not have "_count" suffix',
  ]);
  assert.equal(status, 3);
});
