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
import { addressOf } from '../support/redis-connection.ts';
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

// The fake that other tests stand on is held to the same promises.
storeContract('the gated store', () => {
  const clock = {
    get now() {
      return Date.now();
    },
  };
  const entries = new Map<string, Entry>();
  return { one: new GatedStore(clock, entries), two: new GatedStore(clock, entries) };
});

test('reads of one turn are one MGET, and writes of one turn one script call', async () => {
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

test('a turn with more than a slice of reads is several MGETs, and every read has its own answer', async () => {
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

test('a write goes on after Redis forgot its scripts', async () => {
  const { store, write } = open(0);
  await store.write(write('k', '1'));
  await redis.cli('SCRIPT', 'FLUSH');
  assert.equal((await store.write(write('k', '2'))).status, 'replaced');
  assert.equal((await store.read('k'))!.json, '2');
});

test("Redis drops a value at its time to live, and the entry's own deadline is not later", async () => {
  const { store, write, keyPrefix } = open(0);
  const sent = write('k', '1', { expiresAt: Date.now() + 600_000 });
  await store.write(sent);
  const redisDeadline = Number(await redis.cli('PEXPIRETIME', `${keyPrefix}k`));
  const entry = (await store.read('k'))!;
  assert.equal(entry.expiresAt, sent.expiresAt);
  assert.equal(redisDeadline, sent.expiresAt);
});

test('a value over the threshold is compressed in Redis and comes back whole', async () => {
  const { store, write, keyPrefix } = open(0, { compressionThresholdBytes: 1000 });
  const json = JSON.stringify('x'.repeat(100_000));
  await store.write(write('k', json));
  assert.ok(Number(await redis.cli('STRLEN', `${keyPrefix}k`)) < 1000);
  assert.equal((await store.read('k'))!.json.toString(), json);
});

test('a prefix with the characters of a glob in it means only itself', async () => {
  const keyPrefix = `a[b]*?\\${freshPrefix()}`;
  const { store, write } = open(0, { keyPrefix });
  await Promise.all([store.write(write('k1', '1')), store.write(write('volatility:X', '2'))]);
  assert.equal(await store.removeMatching({ type: 1 }, versions.next()), 1);
  assert.equal(await store.removeMatching({ pattern: '*' }, versions.next()), 1);
});

test('bytes that are no value are a counted miss, are told of, and can be overwritten and deleted', async () => {
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

test('a key of another Redis type is a miss, and a write puts a value in its place', async () => {
  const { store, write, keyPrefix } = open(0);
  await redis.cli('RPUSH', `${keyPrefix}list`, 'a');
  await redis.cli('HSET', `${keyPrefix}hash`, 'f', 'v');
  assert.equal(await store.read('list'), undefined);
  assert.equal((await store.write(write('list', '1'))).status, 'replaced');
  assert.equal((await store.read('list'))!.json, '1');
  assert.equal((await store.remove(removal('hash'))).status, 'deleted');
});

test('a value of the predecessor is read as it stands, with the deadline that Redis has for it', async () => {
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

test('a value of the predecessor without a deadline lives as long as its type from when it was written', async () => {
  const { store, keyPrefix } = open(0);
  const seconds = Math.floor(Date.now() / 1000) - 100;
  await redis.cli('SET', `${keyPrefix}min_rate:X`, `{"value": 1, "timestamp": ${seconds}}`);
  const entry = (await store.read('min_rate:X'))!;
  assert.equal(entry.expiresAt, seconds * 1000 + TYPE_TTL_MS);
});

test('a value of the predecessor can be replaced and deleted by its version, which every replica makes alike', async () => {
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

test('sets and deletes are announced on the channel, one message each a round trip, by keys without prefix', async (t) => {
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

test('an announcement names the version that a stamp was raised or cut to, and not what was refused', async (t) => {
  const { store, write, messages } = await announcing(t);
  // Both as of now, so that the second one is not greater.
  const stamp = `${(Date.now() + 90).toString(16).padStart(12, '0')}0000f0f0f0f0`;
  await store.write({ ...write('raised', '1'), version: stamp });
  const plain = await store.write(write('plain/"é"', '1'));
  const [raised, beside, cut] = await Promise.all([
    store.write({ ...write('raised', '2'), version: stamp }),
    store.write(write('beside', '2')),
    store.write({ ...write('cut', '2'), version: 'f'.repeat(24) }),
  ]);
  await store.write(write('plain/"é"', '3', { condition: { is: 'if-absent' } }));
  await store.remove(removal('beside', { is: 'if-absent' }));
  const deletion = removal('beside');
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
      keys: ['raised', 'beside', 'cut'],
      versions: [raised.version, beside.version, cut.version],
    },
    { origin: 'replica-1', reason: 'delete', keys: ['beside'], versions: [deletion.version] },
  ]);
});

test('a store without a channel announces nothing', async () => {
  const { store, write } = open(0, { channel: undefined });
  const before = await calls();
  await store.write(write('k', '1'));
  assert.equal((await calls())('publish') - before('publish'), 0);
});

test('what Redis refuses rejects as rejected and is counted', async () => {
  const { store, counters } = open(0);
  await assert.rejects(
    store.list({ pattern: '*' }, 'no cursor', 10),
    (error: unknown) =>
      error instanceof StoreError && error.reason === 'rejected' && error.code === 'l2_rejected',
  );
  assert.equal(counters.redisErrors.get('rejected'), 1);
});

test('a Redis that is full refuses writes as rejected, and still reads and deletes', async (t) => {
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

test('of a turn at a Redis that is full the writes are refused, and the deletes are made', async (t) => {
  const { store, write } = open(0);
  await store.write(write('k', '1'));
  t.after(() => redis.cli('CONFIG', 'SET', 'maxmemory', '0'));
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  // In this order: once a script has changed anything, Redis lets it write.
  const [refused, refusedToo, deleted] = await Promise.allSettled([
    store.write(write('a', '1')),
    store.write(write('b', '1')),
    store.remove(removal('k')),
  ]);
  assert.deepEqual(deleted, { status: 'fulfilled', value: { status: 'deleted', version: undefined } });
  for (const each of [refused, refusedToo])
    assert.deepEqual([each.status, (each as PromiseRejectedResult).reason?.kind], ['rejected', 'oom']);
});

test('of a turn with a key that an ACL forbids all others are made', async (t) => {
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

test('a user who may not publish announcements has their changes made all the same', async (t) => {
  const keyPrefix = freshPrefix();
  await redis.cli('ACL', 'SETUSER', 'silent', 'on', '>secret', '+@all', '~*', 'resetchannels');
  const silent = { ...addressOf(redis), username: 'silent', password: 'secret' };
  const connection = await ready(t, connect(silent, 'silent', new Counters()));
  const { store, write } = over({ data: connection, admin: connection }, { keyPrefix });
  assert.equal((await store.write(write('k', '1'))).status, 'created');
  assert.equal((await store.remove(removal('k'))).status, 'deleted');
});

test('a value of another program is older than every stamp, except for a change that is contested', async () => {
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
  // Where nothing is stored, or an older value of a replica, a contested change is made.
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

test('a legacy value is read together with its deadline, so that it is not older than what another read returned', async () => {
  const { store, write, keyPrefix } = open(0);
  await redis.cli('SET', `${keyPrefix}k`, '{"value": "old", "timestamp": 1700000000}', 'PX', '40000');
  // The first command of the read has found a legacy value; before the second one somebody writes.
  const [read, written] = await Promise.all([store.read('k'), store.write(write('k', '"new"'))]);
  assert.equal(read!.json, '"new"');
  assert.equal(written.status, 'replaced');
});

test('a write that cannot be packed rejects, and the store goes on', async () => {
  const { store, write } = open(0);
  await assert.rejects(store.write(write('k', '1', { expiresAt: 1e30 })));
  assert.equal((await store.write(write('k', '1'))).status, 'created');
});

test('a Redis that stops answering costs each call the limit and no more, and is used again when it is back', async (t) => {
  const own = await startRedis();
  const own0 = await link(own);
  t.after(async () => {
    own0.data.disconnect();
    own0.admin.disconnect();
    await own.stop();
  });
  const { store, write, counters } = over(own0, { commandTimeoutMs: 100 });
  await store.write(write('k', '1'));
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
  // The write reached Redis after its time-out, and so it was not made.
  assert.equal((await store.read('k'))!.json, '1');
  assert.equal((await store.write(write('k', '3'))).status, 'replaced');
});

test('without Redis every call rejects as unavailable at once', async (t) => {
  const own = await startRedis();
  const own0 = await link(own);
  t.after(async () => {
    own0.data.disconnect();
    own0.admin.disconnect();
    await own.stop();
  });
  const { store, write, counters } = over(own0, { commandTimeoutMs: 2_000 });
  await store.write(write('k', '1'));
  const closed = Promise.all([once(own0.data, 'close'), once(own0.admin, 'close')]);
  await own.signal('SIGKILL');
  await closed;
  const reasons: string[] = [];
  for (const call of [
    store.read('k'),
    store.write(write('k', '2')),
    store.remove(removal('k')),
    store.removeMatching({ pattern: '*' }, versions.next()),
    store.list({ pattern: '*' }, undefined, 10),
  ])
    call.catch((error: unknown) => reasons.push(error instanceof StoreError ? error.reason : String(error)));
  // The batches leave at the end of this turn of the event loop; what is refused at once needs no further answer.
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.deepEqual(reasons, Array(5).fill('unavailable'));
  // Reads and changes of one turn are one command each.
  assert.equal(counters.redisErrors.get('unavailable'), 4);

  await own.restart();
  await until(() => own0.data.status === 'ready');
  assert.equal(await store.read('k'), undefined);
});

/** A store that announces its writes, and what it has announced. */
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

async function ready(t: TestContext, connection: Redis): Promise<Redis> {
  t.after(() => connection.disconnect());
  await once(connection, 'ready');
  return connection;
}

let prefixes = 0;

function freshPrefix(): string {
  return `test${++prefixes}:`;
}

/** A store over one of the file's two pairs of connections, by default under a prefix of its own. */
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

/** A write of JSON by a writer of its own. */
function write(key: string, body: string, more: Partial<Write> = {}): Write {
  return writeOf(key, body, versions.next(), more);
}

function removal(key: string, condition?: Condition): Removal {
  return { key, version: versions.next(), condition };
}

/** How often Redis has run a command, by its name. */
async function calls(): Promise<(command: string) => number> {
  const info = await redis.cli('INFO', 'commandstats');
  return (command) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
}
