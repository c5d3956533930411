import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { jsonOf, post, put } from '../support/client.ts';
import { allHealthy, type Operated, readOften, startTwo, statsOf } from '../support/processes.ts';
import { redisFor } from '../support/services.ts';

/** The entries in the L1 of both processes together. */
async function entries(service: Operated): Promise<number> {
  return (await statsOf(service)).local.items;
}

/** Fills the L1 of each process with the same key. */
async function fillBoth(service: Operated): Promise<void> {
  await readOften(service, 'shared:A', 40);
  assert.equal(await entries(service), 2);
}

test('of two processes, a flush of the local tier empties one L1, and a flush of all tiers both', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-flush-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'service.env');
  writeFileSync(file, 'LOG_LEVEL=info\n');
  const service = await startTwo(t, await redisFor(t), { ENV_FILE: file });
  await allHealthy(service);
  await reachesRedis(service);
  await put(service, 'shared:A', '1');

  await fillBoth(service);
  const local = await post(service, '/v1/flush', { tier: 'local' });
  assert.deepEqual(await jsonOf(local), { flushed: { local: 1, redis: 0 } });
  assert.equal(await entries(service), 1);

  // Loads tokens, keys and certificates again, and nothing else.
  await fillBoth(service);
  service.kill('SIGHUP');
  await service.waitForLog(
    ({ msg }) => msg === 'SIGHUP: the processes load tokens, keys and certificates again',
  );
  assert.equal(await entries(service), 2);

  writeFileSync(file, 'LOG_LEVEL=debug\n');
  service.kill('SIGHUP');
  await service.waitForLog(({ msg }) => msg === 'SIGHUP: all processes have the new configuration', 60_000);
  await allHealthy(service);
  assert.equal(await entries(service), 0);

  await fillBoth(service);
  const all = await post(service, '/v1/flush', { tier: 'all' });
  assert.deepEqual(await jsonOf(all), { flushed: { local: 1, redis: 1 } });
  await until(async () => (await entries(service)) === 0);
});
