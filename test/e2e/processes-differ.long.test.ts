import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { allHealthy, healthOf, startTwo } from '../support/processes.ts';
import { redisFor } from '../support/services.ts';

test('while SIGHUP enables statistics and pending writes, the endpoints of operators never fail', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-differ-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'service.env');
  writeFileSync(file, 'ENABLE_CACHE_STATS=false\nPENDING_WRITES_MAX_ENTRIES=0\nENABLE_LOCAL_CACHE=false\n');
  const service = await startTwo(t, await redisFor(t), { ENV_FILE: file });
  await allHealthy(service);
  assert.deepEqual(await (await service.ops('/stats')).json(), { enabled: false });
  assert.equal((await healthOf(service)).pending_writes, undefined);

  writeFileSync(file, 'LOG_LEVEL=info\n');
  service.kill('SIGHUP');
  const replaced = 'SIGHUP: all processes have the new configuration';
  const statuses: number[] = [];
  /** Answers of /stats while only one process had statistics. */
  let differing = 0;
  await until(
    async () => {
      const [stats, ...others] = await Promise.all(['/stats', '/health', '/metrics'].map(service.ops));
      // An exception here would only repeat the step.
      statuses.push(...[stats!, ...others].map(({ status }) => status));
      const body = (await stats!.json()) as { processes?: number };
      if (body.processes === 1) differing++;
      for (const other of others) await other.text();
      return service.logs.some(({ msg }) => msg === replaced);
    },
    { timeoutMs: 60_000 },
  );
  assert.deepEqual(
    statuses.filter((status) => status !== 200),
    [],
  );
  assert.ok(differing > 0, `${statuses.length} answers, none while the processes differed`);

  await allHealthy(service);
  const { processes, local } = (await (await service.ops('/stats')).json()) as {
    processes: number;
    local: { enabled: boolean };
  };
  assert.deepEqual([processes, local.enabled], [2, true]);
  assert.notEqual((await healthOf(service)).pending_writes, undefined);
  assert.ok(!service.logs.some(({ msg }) => msg === 'internal error in a request'));
});
