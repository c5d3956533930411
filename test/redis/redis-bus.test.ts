import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import type { Announced, BusListener, CoherenceState, Reason } from '../../src/cache/bus.ts';
import { EVERYTHING, type Match } from '../../src/cache/match.ts';
import { type Version, VersionClock } from '../../src/cache/version.ts';
import { typeIndex } from '../../src/key.ts';
import { Counters, total } from '../../src/metrics/counters.ts';
import { connect } from '../../src/redis/connect.ts';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { addressOf } from '../support/redis-connection.ts';
import { openStore } from '../support/redis-store.ts';
import { writeOf } from '../support/replica.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { startTimer } from '../support/timer.ts';

const PREFIX = 'test:';
const CHANNEL = 'cache_invalidation';
const INTERVAL_MS = 50;
/** So long that the link of a busy process is not lost. */
const PATIENT_MS = 30_000;
const TIMEOUT_MS = 1000;
/** After which a loss must have been noticed: a beat and some more later than the timeout. */
const NOTICED_MS = TIMEOUT_MS + 400;

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

type Told =
  | ['key', string, Announced | undefined]
  | ['match', Match, Reason, Version | undefined]
  | ['deleting', Match, Version]
  | ['failed', Version]
  | ['all', 'flush' | 'rearmed']
  | ['state', CoherenceState];

interface Options {
  readonly port?: number;
  readonly keyPrefix?: string;
  readonly username?: string;
  readonly password?: string;
  readonly origin?: string;
  /** By default so long that only a test about it meets it. */
  readonly timeoutMs?: number;
  /** Whether the circuit breaker is closed. */
  readonly usable?: () => boolean;
}

/** A bus of its own, which tells what it hears, and when. */
function listen(t: TestContext, options: Options = {}) {
  const { port = redis.port, keyPrefix = PREFIX, username, password, origin = '0000000a' } = options;
  const { usable = () => true, timeoutMs = PATIENT_MS } = options;
  const counters = new Counters();
  const address = addressOf({ port }, { username, password });
  const data = connect(address, 'data', counters);
  const link = connect(address, 'link', counters);
  const told: Told[] = [];
  const malformed: [origin: string, message: string][] = [];
  const armFaults: string[] = [];
  const watchers = new Map<CoherenceState, () => void>();
  const listener: BusListener = {
    keyChanged: (key, announced) => void told.push(['key', key, announced]),
    matchFailed: (version) => void told.push(['failed', version]),
    matchDeleting: (match, version) => void told.push(['deleting', match, version]),
    matchChanged: (match, reason, version) => void told.push(['match', match, reason, version]),
    allChanged: (reason) => void told.push(['all', reason]),
    stateChanged(state) {
      told.push(['state', state]);
      watchers.get(state)?.();
    },
  };
  const bus = new RedisBus(
    {
      keyPrefix,
      channel: CHANNEL,
      origin,
      db: 0,
      maxKeyBytes: 512,
      heartbeatIntervalMs: INTERVAL_MS,
      heartbeatTimeoutMs: timeoutMs,
    },
    {
      link,
      data,
      counters,
      listener,
      usable: () => data.status === 'ready' && usable(),
      onMalformed: (from, message) => malformed.push([from, message]),
      onArmFault: (error) => armFaults.push(error.message),
    },
  );
  t.after(() => {
    bus.close();
    data.disconnect();
  });
  const reach = (state: CoherenceState) => until(() => bus.state === state, { everyMs: 1 });
  const hears = (what: Told) =>
    until(() => told.some((each) => JSON.stringify(each) === JSON.stringify(what)), { everyMs: 1 }).catch(
      (cause) => {
        throw new Error(`not told ${JSON.stringify(what)} but ${JSON.stringify(told)}`, { cause });
      },
    );
  /** What `look` returns at the moment in which the state becomes this one. */
  const onState = <T>(state: CoherenceState, look: () => T) =>
    new Promise<T>((resolve) => watchers.set(state, () => resolve(look())));
  return { bus, data, link, told, malformed, armFaults, counters, reach, hears, onState };
}

/** A bus that is coherent, with what it told on the way there forgotten. */
async function coherent(t: TestContext, options: Options = {}) {
  const on = listen(t, options);
  await on.reach('coherent');
  on.told.length = 0;
  return on;
}

const storeOn = (data: Redis, origin: string, db = 0) =>
  openStore({ data }, { keyPrefix: PREFIX, channel: CHANNEL, origin, db });

const write = (key: string, writer: string) => writeOf(key, '1', new VersionClock(writer).next());

const versions = new VersionClock('000000cc');
const removal = (key: string) => ({ key, version: versions.next() });

const keysTold = (told: Told[]) => told.flatMap(([what, key]) => (what === 'key' ? [key] : []));

test('a link that was armed tells that everything may have changed, and then that it is coherent', async (t) => {
  const { told, reach } = listen(t);
  await reach('coherent');
  const states = told.map(([what, which]) => `${what} ${which}`);
  assert.ok(states.indexOf('all rearmed') < states.indexOf('state coherent'), states.join());
  assert.equal(told.filter(([what]) => what === 'all').length, 1);
});

test('what another program does to a key is told: written, deleted, expired; other keys are not', async (t) => {
  const { told, hears } = await coherent(t);
  await redis.cli('SET', `${PREFIX}a`, '1');
  await redis.cli('SET', 'elsewhere:a', '1');
  await redis.cli('SET', `${PREFIX}clé:é`, '1', 'PX', '30');
  await hears(['key', 'a', undefined]);
  await hears(['key', 'clé:é', undefined]);
  told.length = 0;
  await redis.cli('DEL', `${PREFIX}a`);
  await hears(['key', 'a', undefined]);
  await hears(['key', 'clé:é', undefined]);
  assert.deepEqual(keysTold(told).sort(), ['a', 'clé:é']);
});

test('FLUSHALL and FLUSHDB are told as a flush', async (t) => {
  const { told, hears, counters } = await coherent(t);
  for (const command of ['FLUSHALL', 'FLUSHDB']) {
    told.length = 0;
    await redis.cli(command);
    await hears(['all', 'flush']);
  }
  assert.equal(counters.invalidations.get('tracking')?.get('flush'), 2);
});

test('a flush of another database is reported as a flush, because tracking does not name the database', async (t) => {
  const { hears } = await coherent(t);
  await redis.cli('-n', '1', 'FLUSHDB');
  await hears(['all', 'flush']);
});

test('SWAPDB, which tracking does not report, is noticed by the next canary, and no swap is seen where none was', async (t) => {
  const { told, hears, counters, reach } = await coherent(t);
  await beats(counters, 3);
  assert.ok(!told.some(([what]) => what === 'all'));
  await redis.cli('SWAPDB', '0', '1');
  await hears(['all', 'flush']);
  assert.equal(counters.invalidations.get('tracking')?.get('swap'), 1);
  await reach('coherent');
  told.length = 0;
  await beats(counters, 3);
  assert.ok(!told.some(([what]) => what === 'all'));
  // And back again, to a database that holds a canary of before.
  await redis.cli('SWAPDB', '0', '1');
  await hears(['all', 'flush']);
  assert.equal(counters.invalidations.get('tracking')?.get('swap'), 2);
});

test('while the circuit breaker is open the state is blind, though the link hears and canaries return', async (t) => {
  let open = false;
  const { bus, told, reach, hears, counters } = await coherent(t, { usable: () => !open });
  open = true;
  bus.updateState();
  assert.equal(bus.state, 'blind');
  await beats(counters, 2);
  assert.equal(bus.state, 'blind');
  await redis.cli('SET', `${PREFIX}heard`, '1');
  await hears(['key', 'heard', undefined]);
  open = false;
  bus.updateState();
  await reach('coherent');
  assert.deepEqual(
    told.filter(([what]) => what === 'state'),
    [
      ['state', 'blind'],
      ['state', 'coherent'],
    ],
  );
});

test('what Redis gives up for want of room is told', async (t) => {
  const small = await startRedis({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru'] });
  t.after(() => small.stop());
  const { told, data } = await coherent(t, { port: small.port });
  const value = 'x'.repeat(20_000);
  for (let i = 0; i < 200; i++) await data.set(`${PREFIX}k${i}`, value);
  const keys = Array.from({ length: 200 }, (_, i) => `${PREFIX}k${i}`);
  // Not by Redis's own count of evictions: canaries are evicted as well.
  const evicted = keys.length - Number(await small.cli('EXISTS', ...keys));
  assert.ok(evicted > 0);
  // Each key was written once, so it is told twice where it was evicted.
  await until(() => keysTold(told).length >= keys.length + evicted);
});

test('what other programs announce is obeyed: keys, types, a pattern, a bare key', async (t) => {
  const { told, hears, counters } = await coherent(t);
  const volatility = { type: typeIndex('volatility')! };
  const forms: [string, Told[]][] = [
    [
      '{"keys": ["a", "b"]}',
      [
        ['key', 'a', { reason: 'remote', version: undefined }],
        ['key', 'b', { reason: 'remote', version: undefined }],
      ],
    ],
    ['{"types": ["volatility"]}', [['match', volatility, 'remote', undefined]]],
    ['{"pattern": "volatility:*"}', [['match', { pattern: 'volatility:*' }, 'remote', undefined]]],
    ['{"pattern": "*"}', [['match', EVERYTHING, 'flush', undefined]]],
    ['borrow_rate:AAPL', [['key', 'borrow_rate:AAPL', { reason: 'remote', version: undefined }]]],
    [
      '{"origin": "me", "reason": "delete", "keys": ["c"]}',
      [['key', 'c', { reason: 'delete', version: undefined }]],
    ],
  ];
  for (const [message, expected] of forms) {
    told.length = 0;
    await redis.cli('PUBLISH', CHANNEL, message);
    for (const each of expected) await hears(each);
    assert.deepEqual(told, expected);
  }
  const { remote, delete: deleted } = Object.fromEntries(counters.invalidations.get('announcement')!);
  assert.deepEqual([remote, deleted], [6, 1]);
});

test("a replica's set is told once, by tracking, with what the replica said of it; its own too", async (t) => {
  const { told, data, hears } = await coherent(t);
  for (const origin of ['0000000b', '0000000a']) {
    told.length = 0;
    const { version } = (await storeOn(data, origin).write(write(`by:${origin}`, origin))) as {
      version: string;
    };
    await hears(['key', `by:${origin}`, { reason: 'set', version }]);
    await redis.cli('SET', `${PREFIX}after`, '1');
    await hears(['key', 'after', undefined]);
    assert.deepEqual(keysTold(told), [`by:${origin}`, 'after']);
  }
});

test("another replica's delete is obeyed even where there was nothing to delete, and our own is not", async (t) => {
  const { told, data, hears } = await coherent(t);
  await storeOn(data, '0000000a').remove(removal('ours'));
  await storeOn(data, '0000000a').removeMatching({ pattern: 'ours:*' }, versions.next());
  const [one, many] = [removal('theirs'), versions.next()];
  await storeOn(data, '0000000b').remove(one);
  await storeOn(data, '0000000b').removeMatching({ pattern: 'theirs:*' }, many);
  await hears(['match', { pattern: 'theirs:*' }, 'delete', many]);
  assert.deepEqual(told, [
    ['key', 'theirs', { reason: 'delete', version: one.version }],
    ['deleting', { pattern: 'theirs:*' }, many],
    ['match', { pattern: 'theirs:*' }, 'delete', many],
  ]);
});

test('what a replica of another database announces is ignored, and what a program announces is obeyed', async (t) => {
  const { data, told, hears } = await coherent(t);
  const elsewhere = storeOn(data, '0000000d', 1);
  await elsewhere.remove(removal('key'));
  await elsewhere.removeMatching({ type: 1 }, versions.next());
  await elsewhere.write(write('key', '0000000d'));
  await hears(['key', 'key', undefined]);
  await data.publish(CHANNEL, '{"keys":["of a program"]}');
  await hears(['key', 'of a program', { reason: 'remote', version: undefined }]);
  assert.equal(told.length, 2, JSON.stringify(told));
});

test('what was said of a write that never came is not said of one that comes much later', async (t) => {
  const { data, hears, counters } = await coherent(t);
  await storeOn(data, '0000000b').remove(removal('gone'));
  await beats(counters, 3);
  await redis.cli('SET', `${PREFIX}gone`, '1');
  await hears(['key', 'gone', undefined]);
});

test('a malformed message is counted, told once an origin, and ignored', async (t) => {
  const { told, malformed, counters, hears } = await coherent(t);
  const messages = ['{"keys": 1}', '{oops', '{"origin": "me", "keys": [1]}', '{"origin":"me"}', '[]'];
  for (const message of messages) await redis.cli('PUBLISH', CHANNEL, message);
  await redis.cli('PUBLISH', CHANNEL, 'last');
  await hears(['key', 'last', { reason: 'remote', version: undefined }]);
  assert.equal(told.length, 1);
  assert.equal(counters.malformedAnnouncements, messages.length);
  assert.deepEqual(malformed, [
    ['unknown', '{"keys": 1}'],
    ['me', '{"origin": "me", "keys": [1]}'],
  ]);
});

test('a link that was killed is armed again: not coherent from the break on, all changed, coherent, and it hears', async (t) => {
  const { told, link, hears, reach } = await coherent(t);
  const closed = once(link, 'close');
  await kill('ratecache-link');
  await closed;
  await reach('coherent');
  const [first, ...rest] = told;
  assert.deepEqual(first, ['state', 'degraded']);
  assert.deepEqual(rest, [
    ['all', 'rearmed'],
    ['state', 'coherent'],
  ]);
  await redis.cli('SET', `${PREFIX}b`, '1');
  await hears(['key', 'b', undefined]);
});

test('the data connection killed is blind until it is back, and what the link hears meanwhile is told', async (t) => {
  const { told, data, reach, hears } = await coherent(t);
  const closed = once(data, 'close');
  await kill('ratecache-data');
  await closed;
  assert.deepEqual(told[0], ['state', 'blind']);
  await redis.cli('SET', `${PREFIX}c`, '1');
  await hears(['key', 'c', undefined]);
  await reach('coherent');
  assert.ok(!told.some(([what]) => what === 'all'));
});

test('a link that may not be armed is degraded, and coherent when it may', async (t) => {
  const user = ['ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all'];
  await redis.cli(...user);
  const { told, armFaults, reach } = await coherent(t, { username: 'app', password: 'secret' });
  await redis.cli('ACL', 'SETUSER', 'app', '-client|tracking');
  await kill('ratecache-link');
  await reach('degraded');
  await until(() => armFaults.length > 1);
  assert.match(armFaults[0]!, /NOPERM/);
  assert.ok(!told.some(([what, state]) => what === 'all' || state === 'coherent'));
  await redis.cli(...user);
  await reach('coherent');
  assert.ok(told.some(([what]) => what === 'all'));
});

test('a user who may not publish is blind, and the refusal is counted', async (t) => {
  const user = ['ACL', 'SETUSER', 'silent', 'on', '>secret', '~*', '&*', '+@all'];
  await redis.cli(...user);
  const { counters, reach } = await coherent(t, {
    username: 'silent',
    password: 'secret',
    timeoutMs: TIMEOUT_MS,
  });
  await redis.cli('ACL', 'SETUSER', 'silent', '-publish');
  await reach('blind');
  assert.ok(counters.redisErrors.get('noperm')! > 0);
  await redis.cli(...user);
  await reach('coherent');
});

test('a Redis that is frozen is noticed as blind within the timeout, and trusted again when it goes on', async (t) => {
  const { onState, reach } = await coherent(t, { timeoutMs: TIMEOUT_MS });
  await redis.signal('SIGSTOP');
  t.after(() => redis.signal('SIGCONT'));
  const late = startTimer(NOTICED_MS);
  assert.equal(await onState('blind', () => late.fired), false);
  await redis.signal('SIGCONT');
  await reach('coherent');
});

test('a link that is half open is noticed within a second, and what it missed is told before it is trusted', async (t) => {
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const { told, onState, reach, hears } = await coherent(t, { port: proxy.port, timeoutMs: TIMEOUT_MS });
  proxy.freeze({ direction: 'down', saying: 'ratecache-link' });
  const late = startTimer(NOTICED_MS);
  const noticedLate = onState('degraded', () => late.fired);
  await redis.cli('SET', `${PREFIX}unheard`, '1');
  assert.equal(await noticedLate, false);
  assert.deepEqual(keysTold(told), []);
  proxy.thaw();
  await reach('coherent');
  await hears(['key', 'unheard', undefined]);
  const order = told.map(([what, which]) => `${what} ${which}`);
  assert.ok(order.indexOf('key unheard') < order.indexOf('state coherent'), order.join());
});

test('the lag of the link is measured, also where the prefix covers the canaries', async (t) => {
  for (const keyPrefix of ['_', '__ratecache__:', PREFIX]) {
    const { told, counters, hears, reach } = listen(t, { keyPrefix });
    await reach('coherent');
    await beats(counters, 3);
    await redis.cli('SET', `${keyPrefix}k`, '1');
    await hears(['key', 'k', undefined]);
    assert.ok(!keysTold(told).some((key) => key.endsWith('canary:0000000a')), 'our own canary is no key');
  }
});

/** Waits until so many more canaries have come back. */
async function beats({ coherenceLagSeconds }: Counters, wanted: number): Promise<void> {
  const heard = () => total(coherenceLagSeconds.counts);
  const before = heard();
  await until(() => heard() >= before + wanted);
}

/** Ends the connections of this name, as an operator or a firewall would. */
async function kill(name: string): Promise<void> {
  const lines = (await redis.cli('CLIENT', 'LIST'))
    .split('\n')
    .filter((line) => line.includes(`name=${name}`));
  assert.ok(lines.length > 0);
  for (const line of lines) await redis.cli('CLIENT', 'KILL', 'ID', /\bid=(\d+)/.exec(line)![1]!);
}

test('a Redis that comes back empty is no swap, though the data connection is back before the link', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const proxy = await startTcpProxy(server);
  t.after(() => proxy.close());
  const { told, data, reach } = await coherent(t, { port: proxy.port });
  const link = { saying: 'ratecache-link' };
  proxy.freeze(link);
  proxy.cut(link);
  await reach('degraded');
  /** Two beats: the first finds the canary of before, or that it is gone. */
  const twoBeats = async () => {
    const canary = () => server.cli('GET', '__ratecache__:canary:0000000a').then(Number);
    const first = await until(canary);
    await until(async () => (await canary()) > first + 1);
  };
  await twoBeats();
  await server.restart();
  await until(() => data.status === 'ready');
  await twoBeats();
  assert.ok(!told.some(([what, reason]) => what === 'all' && reason === 'flush'));
  proxy.thaw();
  proxy.cut(link);
  await reach('coherent');
  assert.ok(told.some(([what, reason]) => what === 'all' && reason === 'rearmed'));
  assert.ok(!told.some(([what, reason]) => what === 'all' && reason === 'flush'));
});
