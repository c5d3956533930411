import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Redis } from 'ioredis';
import { pick, type Random, seeded } from '../../loadtest/support/random.ts';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { pack } from '../../src/redis/envelope.ts';
import { WRITE_SCRIPT } from '../../src/redis/scripts.ts';
import { openConnection } from '../support/redis-connection.ts';
import { type Keyspace, type Outcome, writeScript } from './model-script.ts';
import { CHANNEL, callOf, LIMITS, shown, stampOf } from './random-calls.ts';

const KEYS = ['k:a', 'k:b', 'k:c'];

const server = await startRedis();
after(() => server.stop());

interface Scripted extends Redis {
  ratecacheWriteBuffer(keys: number, ...args: (string | number | Buffer)[]): Promise<Outcome[]>;
}

/** The database of the model. Its clock is set to the clock of the server before each call. */
class Model implements Keyspace {
  readonly values = new Map<string, Buffer>();
  readonly published: string[] = [];
  now = 0;

  get(key: string): Buffer | undefined {
    return this.values.get(key);
  }

  set(key: string, value: Buffer, ttl: string): void {
    if (!/^[1-9]\d*$/.test(ttl)) throw new Error('refused');
    this.values.set(key, value);
  }

  unlink(key: string): boolean {
    return this.values.delete(key);
  }

  publish(_channel: string, message: string): void {
    this.published.push(message);
  }
}

for (let seed = 1; seed <= 8; seed++)
  test(`the model returns and stores the same as the write script (seed ${seed})`, async (t) => {
    const { redis } = openConnection(t, server);
    const { redis: subscriber } = openConnection(t, server);
    await until(() => redis.status === 'ready' && subscriber.status === 'ready');
    const real = redis as Scripted;
    real.defineCommand('ratecacheWrite', { lua: WRITE_SCRIPT });
    await redis.flushall();
    const published: string[] = [];
    subscriber.on('message', (_channel: string, message: string) => published.push(message));
    await subscriber.subscribe(CHANNEL);
    const random = seeded(seed);
    const model = new Model();
    for (let round = 0; round < 120; round++) {
      const [seconds, micros] = await redis.time();
      model.now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
      if (random() < 0.15) await foreign(redis, model, random);
      const call = callOf(random, KEYS, model, CHANNEL);
      const outcomes = await real.ratecacheWriteBuffer(call.keys.length, ...call.keys, ...call.args);
      const expected = writeScript(model, call.keys, call.args);
      assert.deepEqual(outcomes.map(shown), expected.map(shown), `round ${round}`);
      for (const key of KEYS) assert.deepEqual(await redis.getBuffer(key), model.get(key) ?? null);
    }
    await until(() => published.length >= model.published.length);
    assert.deepEqual(
      published.map((text) => JSON.parse(text)),
      model.published.map((text) => JSON.parse(text)),
    );
  });

async function foreign(redis: Redis, model: Model, random: Random): Promise<void> {
  const key = pick(KEYS, random);
  const text = pick(['', 'plain', '{"value":1,"timestamp":1}', '\x97\x02short'], random);
  await redis.set(key, text);
  model.values.set(key, Buffer.from(text));
}

test('the model cuts a stamp ahead of Redis to the clock of Redis, as the script does', async (t) => {
  const { redis } = openConnection(t, server);
  await until(() => redis.status === 'ready');
  const real = redis as Scripted;
  real.defineCommand('ratecacheWrite', { lua: WRITE_SCRIPT });
  await redis.flushall();
  const model = new Model();
  const [seconds] = await redis.time();
  const early = Number(seconds) * 1000;
  const ahead = stampOf(early + 3_600_000, 7, 1);
  const body = pack({ encoding: 'json', body: '1' as never }, ahead, early, early + 1, LIMITS);
  const args = ['', '', '', 'set', '', '60000', body, ''].map((arg) =>
    Buffer.isBuffer(arg) ? arg : Buffer.from(arg),
  );
  const [[, real1]] = (await real.ratecacheWriteBuffer(1, 'k', ...args)) as [Outcome];
  const [late] = await redis.time();
  const stored = real1.readUIntBE(0, 6);
  assert.ok(stored >= early && stored < Number(late) * 1000 + 1000);
  model.now = stored;
  const [[, expected]] = writeScript(model, ['k'], args) as [Outcome];
  assert.deepEqual(real1, expected);
});
