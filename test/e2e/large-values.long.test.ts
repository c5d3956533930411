import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import { redisFor, replicaFor } from '../support/services.ts';

const COUNT = 40;
const BYTES = 1_000_000;
const KEYS = Array.from({ length: COUNT }, (_, i) => `large:${i}`);
/** Without L1, every read goes to Redis. An answer may have all values. */
const ENV = { ENABLE_LOCAL_CACHE: 'false', MAX_ANSWER_BYTES: String(2 * COUNT * BYTES) };

test('an mget of 40 values of 1 MB succeeds, and so do concurrent small reads', async (t) => {
  const redis = await redisFor(t);
  const writer = await replicaFor(t, redis, ENV);
  const reader = await replicaFor(t, redis, ENV);
  for (const key of KEYS)
    assert.equal((await put(writer, key, JSON.stringify(key.padEnd(BYTES)))).status, 201);
  for (let i = 0; i < 10; i++) assert.equal((await put(writer, `small:${i}`, String(i))).status, 201);

  // In the first round the reader does not know the keys; later it knows that their values are large.
  for (let round = 0; round < 4; round++) {
    let over = false;
    const large = post(reader, '/v1/mget', { keys: KEYS }).then(async (response) => {
      const { results } = await jsonOf(response);
      over = true;
      return results as { status: string; value: string }[];
    });
    let small = 0;
    while (!over) {
      const response = await get(reader, `small:${small % 10}`);
      assert.equal(response.status, 200, `small read ${small} of round ${round}`);
      await response.arrayBuffer();
      small++;
    }
    const results = await large;
    assert.equal(results.length, COUNT);
    for (const [i, { value }] of results.entries()) assert.equal(value?.trimEnd(), KEYS[i]);
    // Few small reads finish if they wait behind the large values.
    assert.ok(small >= 4, `${small} small reads meanwhile`);
    t.diagnostic(`round ${round}: ${small} small reads meanwhile`);
  }
  for (const service of [writer, reader]) {
    assert.ok(!service.logs.some(({ msg }) => msg?.startsWith('circuit breaker open')));
    assert.match(await (await service.fetch('/metrics')).text(), /^redis_breaker_open 0$/m);
  }
  assert.match(await redis.cli('CLIENT', 'LIST'), /name=ratecache-bulk /);
});

test('the bulk connection opens with the first large value, if REDIS_MAX_CONNECTIONS allows', async (t) => {
  const redis = await redisFor(t);
  const roomy = await replicaFor(t, redis, ENV);
  const names = async () => (await redis.cli('CLIENT', 'LIST')).match(/(?<=name=ratecache-)\w+/g)!.toSorted();
  assert.deepEqual(await names(), ['admin', 'data', 'link']);
  const large = JSON.stringify('x'.repeat(BYTES));
  await put(roomy, 'large:A', large);
  await until(async () => (await names()).join() === 'admin,bulk,data,link');
  assert.match(await (await roomy.fetch('/metrics')).text(), /^redis_connection_count 4$/m);
  await roomy.stop();

  for (const [max, expected] of [
    [3, ['admin', 'data', 'link']],
    [2, ['data', 'link']],
  ] as const) {
    const service = await replicaFor(t, redis, { ...ENV, REDIS_MAX_CONNECTIONS: String(max) });
    assert.equal((await put(service, 'large:A', large)).status, 204);
    assert.equal(await (await get(service, 'large:A')).text(), large);
    assert.equal(await (await get(service, 'large:A')).text(), large);
    assert.deepEqual(await names(), expected);
    await service.stop();
  }
});
