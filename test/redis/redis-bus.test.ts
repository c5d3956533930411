import assert from 'node:assert/strict';
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
import { addressOf, closed, up } from '../support/redis-connection.ts';
import { openStore } from '../support/redis-store.ts';
import { writeOf } from '../support/replica.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { startTimer } from '../support/timer.ts';

const PREFIX = 'test:';
const CHANNEL = 'cache_invalidation';
const INTERVAL_MS = 50;
/** Long enough that a busy process does not lose its link. */
const PATIENT_MS = 30_000;
const TIMEOUT_MS = 1000;
/** A loss must be detected by then: the timeout, one beat and a margin. */
const NOTICED_MS = TIMEOUT_MS + 400;

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

type BusEvent =
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
  /** The default is so long that only a test of the timeout reaches it. */
  readonly timeoutMs?: number;
  /** Whether the circuit breaker is closed. */
  readonly usable?: () => boolean;
}

/** A new bus that records its events in order. */
function listen(t: TestContext, options: Options = {}) {
  const { port = redis.port, keyPrefix = PREFIX, username, password, origin = '0000000a' } = options;
  const { usable = () => true, timeoutMs = PATIENT_MS } = options;
  const counters = new Counters();
  const address = addressOf({ port }, { username, password });
  const data = connect(address, 'data', counters);
  const link = connect(address, 'link', counters);
  const events: BusEvent[] = [];
  const malformed: [origin: string, message: string][] = [];
  const armFaults: string[] = [];
  const watchers = new Map<CoherenceState, () => void>();
  const listener: BusListener = {
    keyChanged: (key, announced) => void events.push(['key', key, announced]),
    keysChanged: (changes) => {
      for (const { key, announced } of changes) events.push(['key', key, announced]);
    },
    matchFailed: (version) => void events.push(['failed', version]),
    matchDeleting: (match, version) => void events.push(['deleting', match, version]),
    matchChanged: (match, reason, version) => void events.push(['match', match, reason, version]),
    allChanged: (reason) => void events.push(['all', reason]),
    stateChanged(state) {
      events.push(['state', state]);
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
  const hears = (what: BusEvent) =>
    until(() => events.some((each) => JSON.stringify(each) === JSON.stringify(what)), { everyMs: 1 }).catch(
      (cause) => {
        throw new Error(`no event ${JSON.stringify(what)} in ${JSON.stringify(events)}`, { cause });
      },
    );
  /** Resolves with the result of `look` at the moment of the change to this state. */
  const onState = <T>(state: CoherenceState, look: () => T) =>
    new Promise<T>((resolve) => watchers.set(state, () => resolve(look())));
  return { bus, data, link, events, malformed, armFaults, counters, reach, hears, onState };
}

/** A coherent bus; its earlier events are removed. */
async function coherent(t: TestContext, options: Options = {}) {
  const on = listen(t, options);
  await on.reach('coherent');
  on.events.length = 0;
  return on;
}

const storeOn = (data: Redis, origin: string, db = 0) =>
  openStore({ data }, { keyPrefix: PREFIX, channel: CHANNEL, origin, db });

const write = (key: string, writer: string) => writeOf(key, '1', new VersionClock(writer).next());

const versions = new VersionClock('000000cc');
const removal = (key: string) => ({ key, version: versions.next() });

const keysChanged = (events: BusEvent[]) => events.flatMap(([what, key]) => (what === 'key' ? [key] : []));

test('a link that returns before Redis is usable does not empty L1', async (t) => {
  let usable = true;
  const { bus, link, events } = await coherent(t, { usable: () => usable });
  usable = false;
  const ready = up(link);
  link.disconnect(true);
  await ready;
  await until(async () => /sub=[3-9]/.test(await redis.cli('CLIENT', 'LIST')));
  bus.updateState();
  assert.ok(!events.some(([what]) => what === 'all'), JSON.stringify(events));
  usable = true;
  bus.updateState();
  await until(() => events.some(([what]) => what === 'all'));
});

test('an armed link first reports that everything may have changed, and then coherence', async (t) => {
  const { events, reach } = listen(t);
  await reach('coherent');
  const states = events.map(([what, which]) => `${what} ${which}`);
  assert.ok(states.indexOf('all rearmed') < states.indexOf('state coherent'), states.join());
  assert.equal(events.filter(([what]) => what === 'all').length, 1);
});

test('a write, delete or expiry by another program is reported, only for keys under the prefix', async (t) => {
  const { events, hears } = await coherent(t);
  await redis.cli('SET', `${PREFIX}a`, '1');
  await redis.cli('SET', 'elsewhere:a', '1');
  await redis.cli('SET', `${PREFIX}clé:é`, '1', 'PX', '30');
  await hears(['key', 'a', undefined]);
  await hears(['key', 'clé:é', undefined]);
  await redis.cli('DEL', `${PREFIX}a`);
  // The deletion and the expiry.
  await until(() => keysChanged(events).length === 4);
  assert.deepEqual(keysChanged(events).sort(), ['a', 'a', 'clé:é', 'clé:é']);
});

test('FLUSHALL and FLUSHDB are reported as a flush', async (t) => {
  const { events, hears, counters } = await coherent(t);
  for (const command of ['FLUSHALL', 'FLUSHDB']) {
    events.length = 0;
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

test('the next canary detects SWAPDB, which tracking does not report; without a swap nothing is reported', async (t) => {
  const { events, hears, counters, reach } = await coherent(t);
  await beats(counters, 3);
  assert.ok(!events.some(([what]) => what === 'all'));
  await redis.cli('SWAPDB', '0', '1');
  await hears(['all', 'flush']);
  assert.equal(counters.invalidations.get('tracking')?.get('swap'), 1);
  await reach('coherent');
  events.length = 0;
  await beats(counters, 3);
  assert.ok(!events.some(([what]) => what === 'all'));
  // Swaps back to a database with an earlier canary.
  await redis.cli('SWAPDB', '0', '1');
  await hears(['all', 'flush']);
  assert.equal(counters.invalidations.get('tracking')?.get('swap'), 2);
});

test('while the circuit breaker is open, the state is blind, though the link receives invalidations', async (t) => {
  let open = false;
  const { bus, events, reach, hears, counters } = await coherent(t, { usable: () => !open });
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
    events.filter(([what]) => what === 'state'),
    [
      ['state', 'blind'],
      ['state', 'coherent'],
    ],
  );
});

test('the eviction of a key is reported', async (t) => {
  const small = await startRedis({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru'] });
  t.after(() => small.stop());
  const { events, data } = await coherent(t, { port: small.port });
  const value = 'x'.repeat(20_000);
  for (let i = 0; i < 200; i++) await data.set(`${PREFIX}k${i}`, value);
  const keys = Array.from({ length: 200 }, (_, i) => `${PREFIX}k${i}`);
  // The evicted_keys of Redis is not used, because it counts canaries as well.
  const evicted = keys.length - Number(await small.cli('EXISTS', ...keys));
  assert.ok(evicted > 0);
  // Each key was written once, so an evicted key is reported twice.
  await until(() => keysChanged(events).length >= keys.length + evicted);
});

test('an announcement of another program invalidates keys, types, a pattern or a bare key', async (t) => {
  const { events, hears, counters } = await coherent(t);
  const volatility = { type: typeIndex('volatility')! };
  const forms: [string, BusEvent[]][] = [
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
    events.length = 0;
    await redis.cli('PUBLISH', CHANNEL, message);
    for (const each of expected) await hears(each);
    assert.deepEqual(events, expected);
  }
  const { remote, delete: deleted } = Object.fromEntries(counters.invalidations.get('announcement')!);
  assert.deepEqual([remote, deleted], [6, 1]);
});

test('a set of any replica is reported once, by tracking, with the announced reason and version', async (t) => {
  const { events, data, hears } = await coherent(t);
  for (const origin of ['0000000b', '0000000a']) {
    events.length = 0;
    const { version } = (await storeOn(data, origin).write(write(`by:${origin}`, origin))) as {
      version: string;
    };
    await hears(['key', `by:${origin}`, { reason: 'set', version }]);
    await redis.cli('SET', `${PREFIX}after`, '1');
    await hears(['key', 'after', undefined]);
    assert.deepEqual(keysChanged(events), [`by:${origin}`, 'after']);
  }
});

test('a delete by another replica is reported even for a missing key; a delete by this replica is not', async (t) => {
  const { events, data, hears } = await coherent(t);
  await storeOn(data, '0000000a').remove(removal('ours'));
  await storeOn(data, '0000000a').removeMatching({ pattern: 'ours:*' }, versions.next());
  const [one, many] = [removal('theirs'), versions.next()];
  await storeOn(data, '0000000b').remove(one);
  await storeOn(data, '0000000b').removeMatching({ pattern: 'theirs:*' }, many);
  await hears(['match', { pattern: 'theirs:*' }, 'delete', many]);
  assert.deepEqual(events, [
    ['key', 'theirs', { reason: 'delete', version: one.version }],
    ['deleting', { pattern: 'theirs:*' }, many],
    ['match', { pattern: 'theirs:*' }, 'delete', many],
  ]);
});

test('an announcement by a replica of another database is ignored; one by another program is not', async (t) => {
  const { data, events, hears } = await coherent(t);
  const elsewhere = storeOn(data, '0000000d', 1);
  await elsewhere.remove(removal('key'));
  await elsewhere.removeMatching({ type: 1 }, versions.next());
  await elsewhere.write(write('key', '0000000d'));
  await hears(['key', 'key', undefined]);
  await data.publish(CHANNEL, '{"keys":["by-program"]}');
  await hears(['key', 'by-program', { reason: 'remote', version: undefined }]);
  assert.equal(events.length, 2, JSON.stringify(events));
});

test('the announcement of a write that never arrived is not applied to a much later write', async (t) => {
  const { data, hears, counters } = await coherent(t);
  await storeOn(data, '0000000b').remove(removal('gone'));
  await beats(counters, 3);
  await redis.cli('SET', `${PREFIX}gone`, '1');
  await hears(['key', 'gone', undefined]);
});

test('a malformed message is counted, reported once for each origin, and ignored', async (t) => {
  const { events, malformed, counters, hears } = await coherent(t);
  const messages = ['{"keys": 1}', '{oops', '{"origin": "me", "keys": [1]}', '{"origin":"me"}', '[]'];
  for (const message of messages) await redis.cli('PUBLISH', CHANNEL, message);
  await redis.cli('PUBLISH', CHANNEL, 'last');
  await hears(['key', 'last', { reason: 'remote', version: undefined }]);
  assert.equal(events.length, 1);
  assert.equal(counters.malformedAnnouncements, messages.length);
  assert.deepEqual(malformed, [
    ['unknown', '{"keys": 1}'],
    ['me', '{"origin": "me", "keys": [1]}'],
  ]);
});

test('a killed link is degraded, is armed again, reports that everything changed, and is coherent', async (t) => {
  const { events, link, hears, reach } = await coherent(t);
  const ended = closed(link);
  await kill('ratecache-link');
  await ended;
  await reach('coherent');
  const [first, ...rest] = events;
  assert.deepEqual(first, ['state', 'degraded']);
  assert.deepEqual(rest, [
    ['all', 'rearmed'],
    ['state', 'coherent'],
  ]);
  await redis.cli('SET', `${PREFIX}b`, '1');
  await hears(['key', 'b', undefined]);
});

test('without the data connection the state is blind, and invalidations on the link are still reported', async (t) => {
  const { events, data, reach, hears } = await coherent(t);
  const ended = closed(data);
  await kill('ratecache-data');
  await ended;
  assert.deepEqual(events[0], ['state', 'blind']);
  await redis.cli('SET', `${PREFIX}c`, '1');
  await hears(['key', 'c', undefined]);
  await reach('coherent');
  assert.ok(!events.some(([what]) => what === 'all'));
});

test('a link whose ACL forbids tracking is degraded, and coherent when the ACL allows tracking', async (t) => {
  const user = ['ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all'];
  await redis.cli(...user);
  const { events, armFaults, reach } = await coherent(t, { username: 'app', password: 'secret' });
  await redis.cli('ACL', 'SETUSER', 'app', '-client|tracking');
  await kill('ratecache-link');
  await reach('degraded');
  await until(() => armFaults.length > 1);
  assert.match(armFaults[0]!, /NOPERM/);
  assert.ok(!events.some(([what, state]) => what === 'all' || state === 'coherent'));
  await redis.cli(...user);
  await reach('coherent');
  assert.ok(events.some(([what]) => what === 'all'));
});

test('without permission to publish the state is blind, and the refusal is counted', async (t) => {
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

test('a frozen Redis makes the state blind within the timeout, and coherent when it continues', async (t) => {
  const { onState, reach } = await coherent(t, { timeoutMs: TIMEOUT_MS });
  await redis.signal('SIGSTOP');
  t.after(() => redis.signal('SIGCONT'));
  const late = startTimer(NOTICED_MS);
  assert.equal(await onState('blind', () => late.fired), false);
  await redis.signal('SIGCONT');
  await reach('coherent');
});

test('a half-open link is detected within the timeout, and missed changes are reported before coherence', async (t) => {
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const { events, onState, reach, hears } = await coherent(t, { port: proxy.port, timeoutMs: TIMEOUT_MS });
  proxy.freeze({ direction: 'down', saying: 'ratecache-link' });
  const late = startTimer(NOTICED_MS);
  const noticedLate = onState('degraded', () => late.fired);
  await redis.cli('SET', `${PREFIX}unheard`, '1');
  assert.equal(await noticedLate, false);
  assert.deepEqual(keysChanged(events), []);
  proxy.thaw();
  await reach('coherent');
  await hears(['key', 'unheard', undefined]);
  const order = events.map(([what, which]) => `${what} ${which}`);
  assert.ok(order.indexOf('key unheard') < order.indexOf('state coherent'), order.join());
});

test('the lag of the link is measured, even if the prefix covers the canaries', async (t) => {
  for (const keyPrefix of ['_', '__ratecache__:', PREFIX]) {
    const { events, counters, hears, reach } = listen(t, { keyPrefix });
    await reach('coherent');
    await beats(counters, 3);
    await redis.cli('SET', `${keyPrefix}k`, '1');
    await hears(['key', 'k', undefined]);
    assert.ok(
      !keysChanged(events).some((key) => key.endsWith('canary:0000000a')),
      'the canary of this bus was reported as a key',
    );
  }
});

/** Waits until this many more canaries have returned. */
async function beats({ coherenceLagSeconds }: Counters, wanted: number): Promise<void> {
  const heard = () => total(coherenceLagSeconds.counts);
  const before = heard();
  await until(() => heard() >= before + wanted);
}

/** Kills the connections of this name, as an operator or a firewall would. */
async function kill(name: string): Promise<void> {
  const lines = (await redis.cli('CLIENT', 'LIST'))
    .split('\n')
    .filter((line) => line.includes(`name=${name}`));
  assert.ok(lines.length > 0);
  for (const line of lines) await redis.cli('CLIENT', 'KILL', 'ID', /\bid=(\d+)/.exec(line)![1]!);
}

test('a Redis that restarts empty is not reported as a swap, though the data connection returns before the link', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const proxy = await startTcpProxy(server);
  t.after(() => proxy.close());
  const { events, data, reach } = await coherent(t, { port: proxy.port });
  const link = { saying: 'ratecache-link' };
  proxy.freeze(link);
  proxy.cut(link);
  await reach('degraded');
  /** Waits for two beats: the first reads the earlier canary, or finds that it was lost. */
  const twoBeats = async () => {
    const canary = () => server.cli('GET', '__ratecache__:canary:0000000a').then(Number);
    const first = await until(canary);
    await until(async () => (await canary()) > first + 1);
  };
  await twoBeats();
  await server.restart();
  await until(() => data.status === 'ready');
  await twoBeats();
  assert.ok(!events.some(([what, reason]) => what === 'all' && reason === 'flush'));
  proxy.thaw();
  proxy.cut(link);
  await reach('coherent');
  assert.ok(events.some(([what, reason]) => what === 'all' && reason === 'rearmed'));
  assert.ok(!events.some(([what, reason]) => what === 'all' && reason === 'flush'));
});
