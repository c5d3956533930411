/** scripts/smoke.sh runs this file with the other proofs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';

process.env.RATECACHE_BINARY = fileURLToPath(new URL('../../dist/ratecache', import.meta.url));

const BATCHES = 100;
const BATCH_KEYS = 1000;

for (const [told, options, mebibytes] of [
  ['without NODE_OPTIONS', '', 8],
  ['with a heap limit', '--max-old-space-size-percentage=75', 8],
  // What is written makes V8 take all that it may: else the two above would prove nothing.
  ['as NODE_OPTIONS sets it', '--max-semi-space-size=16', 16],
] as const)
  test(`half of the young generation grows to at most ${mebibytes} MiB ${told}`, async (t) => {
    const env = { ...PATIENT, LOCAL_CACHE_MAX_SIZE: String(BATCHES * BATCH_KEYS), NODE_OPTIONS: options };
    const service = await startService({ standalone: true, env });
    t.after(() => service.stop());
    let most = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      await write(service, batch);
      most = Math.max(most, await youngBytes(service));
    }
    assert.equal(most, 2 * mebibytes * 2 ** 20);
  });

async function write(service: Service, batch: number): Promise<void> {
  const entries = Array.from({ length: BATCH_KEYS }, (_, i) => ({
    key: `borrow_rate:S${batch * BATCH_KEYS + i}`,
    value: { rate: 0.0525, filler: 'x'.repeat(150) },
  }));
  const headers = { 'content-type': 'application/json' };
  const { status } = await service.fetch('/v1/mset', {
    method: 'POST',
    headers,
    body: JSON.stringify({ entries }),
  });
  assert.equal(status, 200);
}

/** Both halves, as far as V8 has taken them. */
async function youngBytes(service: Service): Promise<number> {
  const metrics = await (await service.fetch('/metrics')).text();
  return Number(/^nodejs_heap_space_size_total_bytes\{space="new"\} (\d+)$/m.exec(metrics)?.[1]);
}
