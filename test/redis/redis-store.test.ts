import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import type { Condition } from '../../src/cache/condition.ts';
import type { Entry } from '../../src/cache/entry.ts';
import { type Removal, StoreError, type Write } from '../../src/cache/store.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { connect } from '../../src/redis/connect.ts';
import { foreignVersion } from '../../src/redis/envelope.ts';
import type { RedisStoreOptions } from '../../src/redis/redis-store.ts';
import { storeContract } from '../cache/store-contract.ts';
import { GatedStore, settled } from '../support/gated-store.ts';
import { addressOf, closed } from '../support/redis-connection.ts';
import { openStore } from '../support/redis-store.ts';
import { TYPE_TTL_MS, writeOf } from '../support/replica.ts';
import { startTimer } from '../support/timer.ts';

const versions = new VersionClock('000000cc');
const redis = await startRedis();
const shared = await Promise.all([link(redis), link(redis)]);
after(async () => {
  for (const { data, admin } of shared) {
    data.disconnect();
    admin.disconnect();
  }
  await redis.stop();
});

storeContract('Redis', () => {
  const keyPrefix = freshPrefix();
  return { one: open(0, { keyPrefix }).store, two: open(1, { keyPrefix }).store };
});

// The fake store that other tests use must keep the same promises.
storeContract('the gated store', () => {
  const clock = {
    get now() {
      return Date.now();
    },
  };
  const entries = new Map<string, Entry>();
  return { one: new GatedStore(clock, entries), two: new GatedStore(clock, entries) };
});

test('the reads of one turn are one MGET, and the changes of one turn are one script call', async () => {
  const { store, write } = open(0);
  await store.write(write('warm', '1'));
  const before = await calls();
  await Promise.all([
    ...Array.from({ length: 50 }, (_, i) => store.write(write(`k${i}`, '1'))),
    ...Array.from({ length: 50 }, (_, i) => store.remove(removal(`gone${i}`))),
    ...Array.from({ length: 100 }, (_, i) => store.read(`k${i}`)),
  ]);
  const made = await calls();
  assert.equal(made('mget') - before('mget'), 1);
  assert.equal(made('evalsha') - before('evalsha'), 1);
  assert.equal(made('eval') - before('eval'), 0);
  assert.equal(made('get') - before('get'), 0);
});

test('reads beyond one slice are several MGETs, and every read returns its own value', async () => {
  const { store, write } = open(0);
  await Promise.all(Array.from({ length: 1300 }, (_, i) => store.write(write(`k${i}`, String(i)))));
  const before = await calls();
  const entries = await Promise.all(Array.from({ length: 1300 }, (_, i) => store.read(`k${i}`)));
  assert.deepEqual(
    entries.map((entry) => entry?.json),
    Array.from({ length: 1300 }, (_, i) => String(i)),
  );
  assert.equal((await calls())('mget') - before('mget'), 3);
});

test('a write succeeds after SCRIPT FLUSH', async () => {
  const { store, write } = open(0);
  await store.write(write('k', '1'));
  await redis.cli('SCRIPT', 'FLUSH');
  assert.equal((await store.write(write('k', '2'))).status, 'replaced');
  assert.equal((await store.read('k'))!.json, '2');
});

test('the Redis key and its entry expire at the same time, except for the duration of the write', async () => {
  const { store, write, keyPrefix } = open(0);
  const sent = write('k', '1', { expiresAt: Date.now() + 600_000 });
  const before = await redisMs();
  await store.write(sent);
  const after = await redisMs();
  const redisDeadline = Number(await redis.cli('PEXPIRETIME', `${keyPrefix}k`));
  const entry = (await store.read('k'))!;
  assert.equal(entry.expiresAt, sent.expiresAt);
  // The script sets a lifetime, because PXAT needs Redis 6.2. Before Redis 7.2 time passes between its TIME and its SET.
  const difference = Math.abs(redisDeadline - sent.expiresAt);
  assert.ok(difference <= after - before, `${difference} ms, in a write of ${after - before} ms`);
});

/** The milliseconds of Redis's clock. */
async function redisMs(): Promise<number> {
  const [seconds, microseconds] = (await redis.cli('TIME')).split('\n').map(Number);
  return seconds! * 1000 + Math.floor(microseconds! / 1000);
}

test('a value over the threshold is compressed in Redis and read unchanged', async () => {
  const { store, write, keyPrefix } = open(0, { compressionThresholdBytes: 1000 });
  const json = JSON.stringify('x'.repeat(100_000));
  await store.write(write('k', json));
  assert.ok(Number(await redis.cli('STRLEN', `${keyPrefix}k`)) < 1000);
  assert.equal((await store.read('k'))!.json.toString(), json);
});

test('glob characters in the prefix match only themselves', async () => {
  const keyPrefix = `a[b]*?\\${freshPrefix()}`;
  const { store, write } = open(0, { keyPrefix });
  await Promise.all([store.write(write('k1', '1')), store.write(write('volatility:X', '2'))]);
  assert.equal(await store.removeMatching({ type: 1 }, versions.next()), 1);
  assert.equal(await store.removeMatching({ pattern: '*' }, versions.next()), 1);
});

test('an unreadable value is a counted and reported miss, and can be overwritten and deleted', async () => {
  const { store, write, counters, unreadable, keyPrefix } = open(0);
  await shared[0]!.data.set(`${keyPrefix}k`, Buffer.from([0x96, 1, 2, 3, 255]));
  await redis.cli('SET', `${keyPrefix}text`, 'hello');
  await redis.cli('SET', `${keyPrefix}cut`, '{"value": 1, "timest');
  await redis.cli('SET', `${keyPrefix}empty`, '');
  const keys = ['k', 'text', 'cut', 'empty'];
  assert.deepEqual(await Promise.all(keys.map((key) => store.read(key))), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.equal(counters.unreadableValues, 4);
  assert.deepEqual(unreadable.toSorted(), keys.toSorted());

  await Promise.all(keys.map((key) => store.write(write(key, '7'))));
  for (const key of keys) assert.equal((await store.read(key))!.json, '7');
  await redis.cli('SET', `${keyPrefix}text`, 'hello');
  assert.equal((await store.remove(removal('text'))).status, 'deleted');
});

test('a key of another Redis type is a miss, and a write replaces it', async () => {
  const { store, write, keyPrefix } = open(0);
  await redis.cli('RPUSH', `${keyPrefix}list`, 'a');
  await redis.cli('HSET', `${keyPrefix}hash`, 'f', 'v');
  assert.equal(await store.read('list'), undefined);
  assert.equal((await store.write(write('list', '1'))).status, 'replaced');
  assert.equal((await store.read('list'))!.json, '1');
  assert.equal((await store.remove(removal('hash'))).status, 'deleted');
});

test('a legacy value is read unchanged, with the TTL of its Redis key', async () => {
  const { store, keyPrefix } = open(0);
  const text =
    '{"value": {"rate": 5.0e-2, "n": 12345678901234567890}, "timestamp": 1700000000.5, "source": "api"}';
  await redis.cli('SET', `${keyPrefix}borrow_rate:AAPL`, text, 'PX', '40000');
  const entry = (await store.read('borrow_rate:AAPL'))!;
  assert.equal(entry.json, '{"rate": 5.0e-2, "n": 12345678901234567890}');
  assert.equal(entry.storedAt, 1_700_000_000_500);
  const redisDeadline = Number(await redis.cli('PEXPIRETIME', `${keyPrefix}borrow_rate:AAPL`));
  assert.ok(entry.expiresAt <= redisDeadline, `${entry.expiresAt} <= ${redisDeadline}`);
  assert.ok(entry.expiresAt > redisDeadline - 20_000);
});

test('a legacy value without a TTL expires after the TTL of its type, counted from its write', async () => {
  const { store, keyPrefix } = open(0);
  const seconds = Math.floor(Date.now() / 1000) - 100;
  await redis.cli('SET', `${keyPrefix}min_rate:X`, `{"value": 1, "timestamp": ${seconds}}`);
  const entry = (await store.read('min_rate:X'))!;
  assert.equal(entry.expiresAt, seconds * 1000 + TYPE_TTL_MS);
});

test('a legacy value can be replaced and deleted by its version, which is the same at every replica', async () => {
  const keyPrefix = freshPrefix();
  const { store, write } = open(0, { keyPrefix });
  const text = '{"value": 1, "timestamp": 1700000000}';
  await redis.cli('SET', `${keyPrefix}a`, text, 'PX', '40000');
  await redis.cli('SET', `${keyPrefix}b`, text, 'PX', '40000');
  const { version } = (await store.read('a'))!;
  assert.equal(version, foreignVersion(Buffer.from(text)));
  assert.equal((await open(1, { keyPrefix }).store.read('a'))!.version, version);

  const condition = { is: 'if-version', versions: [version] } as const;
  const outcome = await store.write(write('a', '2', { condition }));
  assert.equal(outcome.status, 'replaced');
  assert.ok(outcome.version! > version);
  assert.equal((await store.write(write('a', '3', { condition }))).status, 'refused');
  assert.equal((await store.remove(removal('b', condition))).status, 'deleted');
});

test('a round trip announces its sets in one message and its deletes in another, without the prefix', async (t) => {
  const { store, write, messages } = await announcing(t);
  const gone = removal('gone');
  const [a, b] = await Promise.all([
    store.write(write('borrow_rate:A', '1')),
    store.write(write('ключ/🦊 "x"', '2')),
    store.write(write('refused', '3', { condition: { is: 'if-exists' } })),
    store.remove(gone),
    store.remove(removal('kept', { is: 'if-exists' })),
  ]);
  await until(() => messages.length === 2);
  assert.deepEqual(messages, [
    {
      origin: 'replica-1',
      reason: 'set',
      keys: ['borrow_rate:A', 'ключ/🦊 "x"'],
      versions: [a.version, b.version],
    },
    { origin: 'replica-1', reason: 'delete', keys: ['gone'], versions: [gone.version] },
  ]);
});

test('an announcement carries the raised or lowered version, and omits refused changes', async (t) => {
  const { store, write, messages } = await announcing(t);
  // Both writes use the same stamp, so the second is not greater.
  const stamp = `${(Date.now() + 90).toString(16).padStart(12, '0')}0000f0f0f0f0`;
  await store.write({ ...write('raised', '1'), version: stamp });
  const plain = await store.write(write('plain/"é"', '1'));
  const [raised, second, cut] = await Promise.all([
    store.write({ ...write('raised', '2'), version: stamp }),
    store.write(write('second', '2')),
    store.write({ ...write('cut', '2'), version: 'f'.repeat(24) }),
  ]);
  await store.write(write('plain/"é"', '3', { condition: { is: 'if-absent' } }));
  await store.remove(removal('second', { is: 'if-absent' }));
  const deletion = removal('second');
  await store.remove(deletion);
  await until(() => messages.length === 4);
  assert.equal(raised.version!.slice(0, 16), `${stamp.slice(0, 15)}1`);
  assert.notEqual(cut.version, 'f'.repeat(24));
  assert.deepEqual(messages, [
    { origin: 'replica-1', reason: 'set', keys: ['raised'], versions: [stamp] },
    { origin: 'replica-1', reason: 'set', keys: ['plain/"é"'], versions: [plain.version] },
    {
      origin: 'replica-1',
      reason: 'set',
      keys: ['raised', 'second', 'cut'],
      versions: [raised.version, second.version, cut.version],
    },
    { origin: 'replica-1', reason: 'delete', keys: ['second'], versions: [deletion.version] },
  ]);
});

test('a store without a channel announces nothing', async () => {
  const { store, write } = open(0, { channel: undefined });
  const before = await calls();
  await store.write(write('k', '1'));
  assert.equal((await calls())('publish') - before('publish'), 0);
});

test('a command that Redis refuses rejects with the reason rejected and is counted', async () => {
  const { store, counters } = open(0);
  await assert.rejects(
    store.list({ pattern: '*' }, 'no cursor', 10),
    (error: unknown) =>
      error instanceof StoreError && error.reason === 'rejected' && error.code === 'l2_rejected',
  );
  assert.equal(counters.redisErrors.get('rejected'), 1);
});

test('a full Redis rejects writes, and still reads and deletes', async (t) => {
  const { store, write } = open(0);
  await store.write(write('k', '1'));
  t.after(() => redis.cli('CONFIG', 'SET', 'maxmemory', '0'));
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  await assert.rejects(
    store.write(write('new', '1')),
    (error: unknown) => error instanceof StoreError && error.reason === 'rejected',
  );
  assert.equal((await store.read('k'))!.json, '1');
  assert.equal((await store.remove(removal('k'))).status, 'deleted');
});

test('a full Redis rejects the writes of a turn and applies its deletes', async (t) => {
  const { store, write } = open(0);
  await store.write(write('k', '1'));
  t.after(() => redis.cli('CONFIG', 'SET', 'maxmemory', '0'));
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  // The delete is last, because Redis accepts writes of a script after its first change.
  const [refused, refusedToo, deleted] = await Promise.allSettled([
    store.write(write('a', '1')),
    store.write(write('b', '1')),
    store.remove(removal('k')),
  ]);
  assert.deepEqual(deleted, { status: 'fulfilled', value: { status: 'deleted', version: undefined } });
  for (const each of [refused, refusedToo])
    assert.deepEqual([each.status, (each as PromiseRejectedResult).reason?.kind], ['rejected', 'oom']);
});

test('a key that an ACL forbids does not stop other writes of its turn', async (t) => {
  const keyPrefix = freshPrefix();
  const acl = ['SETUSER', 'some', 'on', '>secret', '+@all', '&*', '~script:*', `~${keyPrefix}volatility:*`];
  await redis.cli('ACL', ...acl);
  const some = { ...addressOf(redis), username: 'some', password: 'secret' };
  const connection = await ready(t, connect(some, 'some', new Counters()));
  const { store, write } = over({ data: connection, admin: connection }, { keyPrefix });
  const keys = ['volatility:A', 'borrow_rate:A', 'volatility:B', 'volatility:C', 'borrow_rate:B'];
  const writes = await Promise.allSettled(keys.map((key) => store.write(write(key, '1'))));
  assert.deepEqual(
    writes.map((each) => (each.status === 'fulfilled' ? each.value.status : each.reason.kind)),
    ['created', 'noperm', 'created', 'created', 'noperm'],
  );
});

test('changes of a user without permission to publish are applied', async (t) => {
  const keyPrefix = freshPrefix();
  await redis.cli('ACL', 'SETUSER', 'silent', 'on', '>secret', '+@all', '~*', 'resetchannels');
  const silent = { ...addressOf(redis), username: 'silent', password: 'secret' };
  const connection = await ready(t, connect(silent, 'silent', new Counters()));
  const { store, write } = over({ data: connection, admin: connection }, { keyPrefix });
  assert.equal((await store.write(write('k', '1'))).status, 'created');
  assert.equal((await store.remove(removal('k'))).status, 'deleted');
});

test('a foreign value is older than every stamp, except for a contested change', async () => {
  const { store, write, keyPrefix } = open(0);
  for (const foreign of ['hello', '{"value": 1, "timestamp": 1700000000}']) {
    await redis.cli('SET', `${keyPrefix}k`, foreign);
    const version = versions.next();
    const contested = { is: 'if-older', version, unlessForeign: true } as const;
    const refused = { status: 'refused', version: foreignVersion(Buffer.from(foreign)) };
    assert.deepEqual(await store.write({ ...write('k', '1', { condition: contested }), version }), refused);
    assert.deepEqual(await store.remove({ key: 'k', version, condition: contested }), refused);
    const condition = { is: 'if-older', version } as const;
    assert.deepEqual(await store.write({ ...write('k', '1', { condition }), version }), {
      status: 'replaced',
      version,
    });
  }
  // A contested change applies if the key is missing or has an older value of a replica.
  const later = versions.next();
  const contested = { is: 'if-older', version: later, unlessForeign: true } as const;
  assert.equal(
    (await store.write({ ...write('k', '2', { condition: contested }), version: later })).status,
    'replaced',
  );
  assert.equal(
    (await store.write({ ...write('new', '2', { condition: contested }), version: later })).status,
    'created',
  );
});

test('a write between the two commands of a legacy read is returned by that read', async () => {
  const { store, write, keyPrefix } = open(0);
  await redis.cli('SET', `${keyPrefix}k`, '{"value": "old", "timestamp": 1700000000}', 'PX', '40000');
  // The write arrives between the two commands that read a legacy value.
  const [read, written] = await Promise.all([store.read('k'), store.write(write('k', '"new"'))]);
  assert.equal(read!.json, '"new"');
  assert.equal(written.status, 'replaced');
});

test('a write that cannot be packed rejects, and later writes succeed', async () => {
  const { store, write } = open(0);
  await assert.rejects(store.write(write('k', '1', { expiresAt: 1e30 })));
  assert.equal((await store.write(write('k', '1'))).status, 'created');
});

test('while Redis does not answer, each call takes the command time-out; later calls succeed', async (t) => {
  const { own, connections } = await ownRedis(t);
  const { store, write, counters, keyPrefix } = over(connections, { commandTimeoutMs: 100 });
  const { store: patient } = over(connections, { keyPrefix });
  await patient.write(write('k', '1'));
  await own.signal('SIGSTOP');
  const timesOut = async (call: () => Promise<unknown>) => {
    const [before, after] = [startTimer(90), startTimer(300)];
    await assert.rejects(
      call(),
      (error: unknown) => error instanceof StoreError && error.reason === 'timeout',
    );
    assert.deepEqual([before.fired, after.fired], [true, false]);
  };
  await Promise.all([timesOut(() => store.read('k')), timesOut(() => store.write(write('k', '2')))]);
  assert.equal(counters.redisErrors.get('timeout'), 2);
  await own.signal('SIGCONT');
  // The write reached Redis after its time-out, so it was not applied.
  assert.equal((await patient.read('k'))!.json, '1');
  assert.equal((await patient.write(write('k', '3'))).status, 'replaced');
});

test('without Redis every call rejects as unavailable at once', async (t) => {
  const { own, connections } = await ownRedis(t);
  const { store, write, counters } = over(connections, { commandTimeoutMs: 2_000 });
  await store.write(write('k', '1'));
  const ended = Promise.all([closed(connections.data), closed(connections.admin)]);
  await own.signal('SIGKILL');
  await ended;
  const reasons: string[] = [];
  for (const call of [
    store.read('k'),
    store.write(write('k', '2')),
    store.remove(removal('k')),
    store.removeMatching({ pattern: '*' }, versions.next()),
    store.list({ pattern: '*' }, undefined, 10),
  ])
    call.catch((error: unknown) => reasons.push(error instanceof StoreError ? error.reason : String(error)));
  // The batches leave at the end of this turn of the event loop, and unavailable calls fail in that turn.
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.deepEqual(reasons, Array(5).fill('unavailable'));
  // Reads and changes of one turn are one command each.
  assert.equal(counters.redisErrors.get('unavailable'), 4);

  await own.restart();
  await until(() => connections.data.status === 'ready');
  assert.equal(await store.read('k'), undefined);
});

/** A store that announces its writes, and the announcements. */
async function announcing(t: TestContext) {
  const channel = `cache:${freshPrefix()}`;
  const subscriber = await ready(t, connect(addressOf(redis), 'subscriber', new Counters()));
  const messages: unknown[] = [];
  subscriber.on('message', (_, message: string) => messages.push(JSON.parse(message)));
  await subscriber.subscribe(channel);
  return { ...open(0, { channel, origin: 'replica-1' }), messages };
}

interface Link {
  readonly data: Redis;
  readonly admin: Redis;
}

async function link(server: RedisServer): Promise<Link> {
  const data = connect(addressOf(server), 'data', new Counters());
  const admin = connect(addressOf(server), 'admin', new Counters());
  await Promise.all([once(data, 'ready'), once(admin, 'ready')]);
  return { data, admin };
}

/** A Redis for one test, with connections to it. */
async function ownRedis(t: TestContext): Promise<{ own: RedisServer; connections: Link }> {
  const own = await startRedis();
  const connections = await link(own);
  t.after(async () => {
    connections.data.disconnect();
    connections.admin.disconnect();
    await own.stop();
  });
  return { own, connections };
}

async function ready(t: TestContext, connection: Redis): Promise<Redis> {
  t.after(() => connection.disconnect());
  await once(connection, 'ready');
  return connection;
}

let prefixes = 0;

function freshPrefix(): string {
  return `test${++prefixes}:`;
}

/** A store on one of the two pairs of connections of this file, by default with its own prefix. */
function open(replica: 0 | 1, options: Partial<RedisStoreOptions> = {}) {
  return over(shared[replica]!, options);
}

function over(link: Link, options: Partial<RedisStoreOptions> = {}) {
  const counters = new Counters();
  const unreadable: string[] = [];
  const keyPrefix = options.keyPrefix ?? freshPrefix();
  const store = openStore(
    { ...link, counters, onUnreadable: (key) => unreadable.push(key) },
    { channel: 'channel', ...options, keyPrefix },
  );
  return { store, write, counters, unreadable, keyPrefix };
}

/** A write of JSON with a new writer. */
function write(key: string, body: string, more: Partial<Write> = {}): Write {
  return writeOf(key, body, versions.next(), more);
}

function removal(key: string, condition?: Condition): Removal {
  return { key, version: versions.next(), condition };
}

/** Returns how often Redis has run each command. */
async function calls(): Promise<(command: string) => number> {
  const info = await redis.cli('INFO', 'commandstats');
  return (command) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
}
