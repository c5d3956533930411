import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Redis } from 'ioredis';
import { below, pick, type Random, seeded } from '../../loadtest/support/random.ts';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { originOf } from '../../src/cache/origin.ts';
import { pack } from '../../src/redis/envelope.ts';
import { WRITE_SCRIPT } from '../../src/redis/scripts.ts';
import { openConnection } from '../support/redis-connection.ts';
import { type Keyspace, type Outcome, storedVersion, writeScript } from './model-script.ts';

const CHANNEL = 'announcements';
const KEYS = ['k:a', 'k:b', 'k:c'];
const LIMITS = { compressionThresholdBytes: 0, maxValueBytes: 1000 };

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

interface Call {
  readonly keys: readonly string[];
  readonly args: readonly Buffer[];
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
      const call = callOf(random, model);
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

/** Leaves out the text of errors, and stamps cut to Redis's clock, which differ by the time between two calls. */
function shown([status, detail]: Outcome): string {
  const name = status.toString();
  return name === 'error' ? name : `${name} ${detail.toString('hex')}`;
}

async function foreign(redis: Redis, model: Model, random: Random): Promise<void> {
  const key = pick(KEYS, random);
  const text = pick(['', 'plain', '{"value":1,"timestamp":1}', '\x97\x02short'], random);
  await redis.set(key, text);
  model.values.set(key, Buffer.from(text));
}

function callOf(random: Random, model: Model): Call {
  const keys = KEYS.filter(() => random() < 0.6);
  if (keys.length === 0) keys.push(KEYS[0]!);
  const each = keys.map((key) => changeOf(random, model, key));
  const announce = (op: string) => {
    const named = keys.flatMap((key, i) => (each[i]!.op === op ? [[key, each[i]!.stamp] as const] : []));
    if (named.length === 0) return '';
    return JSON.stringify({
      origin: 'o',
      reason: op,
      keys: named.map(([key]) => key),
      versions: named.map(([, stamp]) => stamp),
    });
  };
  const args = [CHANNEL, announce('set'), announce('delete'), ...each.flatMap(({ args }) => args)];
  return { keys, args: args.map((arg) => (Buffer.isBuffer(arg) ? arg : Buffer.from(arg))) };
}

/** Times that differ in either half of 64 bits. */
function asOf(random: Random): number {
  return 2 ** 32 * (1 + below(2, random)) + below(3, random);
}

function changeOf(random: Random, model: Model, key: string) {
  const op = random() < 0.7 ? 'set' : 'delete';
  // Far from the cap, where a millisecond between the clocks of the server and the model would matter.
  const stamp = stampOf(model.now + pick([-5000, -20, -1, 0, 0], random), below(3, random), below(3, random));
  const present = storedVersion(model.get(key)) ?? Buffer.alloc(0);
  const other = Buffer.from(stampOf(model.now - 20, below(3, random), below(3, random)), 'hex');
  const named = random() < 0.5 && present.length > 0 ? present : other;
  const condition = pick(['', '', 'if-exists', 'if-absent', '<', '~', '=', '!', '@', '<@', '~@'], random);
  const time = Buffer.alloc(8);
  time.writeUIntBE(asOf(random), 2, 6);
  const sign = Buffer.from(condition.slice(0, 1));
  const whole: Buffer[] = condition.startsWith('if-') || condition === '' ? [Buffer.from(condition)] : [sign];
  if ('<~=!'.includes(condition[0] ?? ' ')) whole.push(named);
  if (condition.endsWith('@')) whole.push(time);
  const deadline = pick(['', '', String(model.now + 60_000), String(model.now - 1)], random);
  const body =
    op === 'set'
      ? pack(
          { encoding: 'json', body: `{"n":${below(1000, random)}}` as never },
          stamp,
          model.now,
          model.now + 1,
          LIMITS,
          pick([undefined, originOf(asOf(random), pick([undefined, 'ibkr'], random))], random),
        )
      : Buffer.from(stamp, 'hex');
  const later = String(model.now + 60_000);
  const expiry = op === 'set' ? pick([later, later, later, 'soon', ''], random) : '';
  return { op, stamp, args: [op, Buffer.concat(whole), expiry, body, deadline] };
}

function stampOf(ms: number, counter: number, writer: number): string {
  return (
    ms.toString(16).padStart(12, '0') +
    counter.toString(16).padStart(4, '0') +
    writer.toString(16).padStart(8, '0')
  );
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
