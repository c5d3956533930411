import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import type { Change } from '../../src/client/change.ts';
import { connect } from '../../src/client/node.ts';
import { heardAll } from '../support/heard-all.ts';
import { redisFor, replicasOfFile } from '../support/services.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { clientOf, IMPATIENT, NEAR, relayTo, trusted, write } from './stage.ts';

/** A key whose values the compiler does not know. */
const KEY = 'calculation:AAPL';

const {
  redis,
  replicas: [near, far],
} = await replicasOfFile({}, {});

const withPolicy = (stale: 'strict' | 'available' | { maxStalenessMs: number }) => ({
  ...IMPATIENT,
  nearCache: { maxEntries: 100, stale },
});

test('strict: nothing is served from memory while the connection is half open', async (t) => {
  const proxy = await startTcpProxy(near);
  t.after(() => proxy.close());
  const client = await clientOf(t, proxy, IMPATIENT);
  await trusted(client);
  await write(near, KEY, 1);
  // On a busy machine, a late heartbeat ends the trust for a moment.
  await until(() => client.peek(KEY)?.value === 1 || client.get(KEY).then(() => false));
  proxy.freeze();
  await until(() => client.peek(KEY) === undefined);
  await write(near, KEY, 2);
  const read = client.get(KEY);
  await until(() => client.state.connection === 'down');
  proxy.cut();
  proxy.thaw();
  assert.equal((await read).value, 2);
  await trusted(client);
  await until(() => client.peek(KEY)?.value === 2);
});

test('available: while the service is unreachable, entries are served with a mark until they expire', async (t) => {
  const proxy = await startTcpProxy(near);
  t.after(() => proxy.close());
  const client = await clientOf(t, proxy, withPolicy('available'));
  await trusted(client);
  await Promise.all([write(near, KEY, 1), write(near, 'x:short', 1, 3)]);
  await client.getMany([KEY, 'x:short']);
  proxy.accept(false);
  proxy.cut();
  await until(() => client.state.connection === 'down');
  for (const result of [await client.get(KEY), client.peek(KEY)!])
    assert.deepEqual([result.value, result.state, result.tier], [1, 'stale', 'near-cache']);
  await assert.rejects(client.get('x:none', { timeoutMs: 50 }), { code: 'timeout' });
  await until(() => client.peek('x:short') === undefined);
  proxy.accept(true);
  await until(async () => (await client.get(KEY)).state === 'coherent');
});

test('available: while the service answers, it is asked', async (t) => {
  const relay = await relayTo(t, near);
  const client = await clientOf(t, relay, withPolicy('available'));
  await trusted(client);
  await write(near, KEY, 1);
  await client.get(KEY);
  relay.holds = ({ event }) => event !== undefined;
  await until(() => !client.state.isTrusted);
  await write(far, KEY, 2);
  await until(async () => {
    const { tier, value } = await client.get(KEY);
    return tier === 'service' && value === 2;
  });
});

test('maxStalenessMs: entries are served with a mark, but only that long', async (t) => {
  const proxy = await startTcpProxy(near);
  t.after(() => proxy.close());
  const [short, long] = await Promise.all(
    [1100, 600_000].map((maxStalenessMs) => clientOf(t, proxy, withPolicy({ maxStalenessMs }))),
  );
  await Promise.all([trusted(short!), trusted(long!)]);
  await write(near, KEY, 1);
  await Promise.all([short!.get(KEY), long!.get(KEY)]);
  proxy.accept(false);
  proxy.cut();
  await until(() => long!.peek(KEY)?.state === 'stale');
  await until(() => short!.peek(KEY) === undefined);
  assert.equal((await long!.get(KEY)).state, 'stale');
});

test('after a reconnect to another address, entries that changed meanwhile are not served', async (t) => {
  const [first, second] = [await startTcpProxy(near), await startTcpProxy(far)];
  t.after(() => Promise.all([first.close(), second.close()]));
  const client = await connect([`ws://127.0.0.1:${first.port}`, `ws://127.0.0.1:${second.port}`], NEAR);
  t.after(() => client.close());
  const keys = ['a', 'b', 'c'].map((name) => `x:${name}`);
  await Promise.all(keys.map((key) => write(near, key, 1)));
  await client.getMany(keys);
  await trusted(client);
  first.accept(false);
  second.accept(false);
  first.cut();
  await until(() => client.state.connection === 'down');
  await write(near, 'x:a', 2);
  await near.fetch('/v1/cache/x:b', { method: 'DELETE' });
  second.accept(true);
  await until(() => client.state.connection === 'up');
  assert.ok(client.state.address.includes(String(second.port)));
  await until(() => client.peek('x:a')?.value === 2 && client.peek('x:c')?.value === 1);
  assert.notEqual(client.peek('x:b')?.value, 1);
  const values = (await client.getMany(keys)).map(({ value }) => value);
  assert.deepEqual(values, [2, undefined, 1]);
});

test('a handler receives what changed while the connection was lost', async (t) => {
  const relay = await relayTo(t, near);
  const client = await clientOf(t, relay);
  const changes: Change[] = [];
  await Promise.all(['a', 'b', 'c'].map((name) => write(near, `volatility:${name}`, 1)));
  await client.subscribe({ types: ['volatility'] }, (change) => changes.push(change));
  assert.equal(changes.length, 0);
  relay.holds = () => true;
  await write(near, 'volatility:a', 2);
  await near.fetch('/v1/cache/volatility:b', { method: 'DELETE' });
  await write(near, 'volatility:d', 4);
  relay.cut();
  relay.release();
  await until(() => changes.length >= 3);
  const shown = changes.map((change) => [
    change.key,
    change.kind,
    'value' in change ? change.value : change.reason,
  ]);
  assert.deepEqual(shown.sort(), [
    ['volatility:a', 'update', 2],
    ['volatility:b', 'invalidate', 'missed'],
    ['volatility:d', 'update', 4],
  ]);
  assert.ok(changes.every(({ fromSnapshot }) => fromSnapshot));
});

test('after a short loss of the connection, only what changed is sent again', async (t) => {
  const relay = await relayTo(t, near);
  const client = await clientOf(t, relay);
  const keys = Array.from({ length: 50 }, (_, i) => `x:${i}`);
  await Promise.all([...keys, 'volatility:a', 'volatility:b'].map((key) => write(near, key, 1)));
  const changes: Change[] = [];
  await client.subscribe({ types: ['volatility'] }, (change) => changes.push(change));
  await client.getMany(keys);
  await heardAll(near);
  const beats = () => relay.frames.filter(({ event }) => event === 'heartbeat').length;
  const before = beats();
  await until(() => beats() > before + 1);
  relay.holds = () => true;
  await write(near, 'x:7', 2);
  await write(near, 'volatility:b', 2);
  relay.frames.length = 0;
  relay.cut();
  relay.release();
  await until(() => client.peek('x:7')?.value === 2 && changes.length > 0);
  await until(() => keys.every((key) => client.peek(key)?.state === 'coherent'));
  const answers = relay.frames.filter(({ snapshot }) => snapshot !== undefined);
  assert.ok(answers.every(({ resumed }) => resumed === true));
  const sent = answers.flatMap(({ snapshot }) => snapshot.map(({ key }: { key: string }) => key));
  assert.deepEqual(sent.sort(), ['volatility:b', 'x:7']);
  assert.deepEqual(
    changes.map(({ key, fromSnapshot }) => [key, fromSnapshot]),
    [['volatility:b', true]],
  );
  await until(() => client.peek('volatility:a')?.state === 'coherent');
});

test('while the service is not coherent with Redis, nothing is served from memory without a mark', async (t) => {
  const proxy = await startTcpProxy({ port: redis.port });
  t.after(() => proxy.close());
  const replica = await startReplica({ ...redis, port: proxy.port });
  t.after(() => replica.stop());
  const client = await clientOf(t, replica);
  await trusted(client);
  await write(near, KEY, 1);
  await client.get(KEY);
  const states: string[] = [];
  client.onState(({ coherence }) => states.push(coherence));
  proxy.freeze();
  await until(() => states.includes('blind'));
  assert.equal(client.peek(KEY), undefined);
  await write(near, KEY, 2);
  const { state, code } = await client.get(KEY);
  assert.ok(state !== 'coherent' || code !== undefined, `${state} ${code}`);
  proxy.thaw();
  await trusted(client);
  await until(() => client.peek(KEY)?.value === 2 || client.get(KEY).then(() => false));
});

test('a pending value reaches handlers with a mark, and is not served from memory before Redis has it', async (t) => {
  const redis = await redisFor(t);
  const service = await startReplica(redis, { REDIS_COMMAND_TIMEOUT_MS: '200' });
  t.after(() => service.stop());
  const client = await clientOf(t, service);
  const changes: (Change & { kind: 'update' })[] = [];
  await client.subscribe({ keys: [KEY] }, (change) => changes.push(change as (typeof changes)[0]));
  await write(service, KEY, 1);
  await trusted(client);
  await client.get(KEY);
  await redis.signal('SIGSTOP');
  await write(service, KEY, 2);
  await until(() => changes.at(-1)?.value === 2);
  assert.deepEqual([changes.at(-1)!.code, client.peek(KEY)], ['l2_unavailable', undefined]);
  const pending = await client.get(KEY);
  assert.deepEqual([pending.value, pending.code, pending.tier], [2, 'l2_unavailable', 'service']);
  await redis.signal('SIGCONT');
  await until(async () => {
    const { code, tier, value } = await client.get(KEY);
    return code === undefined && tier === 'near-cache' && value === 2;
  });
});

test('FLUSHALL in Redis empties the near cache', async (t) => {
  const client = await clientOf(t, near);
  await trusted(client);
  await write(near, KEY, 1);
  await client.get(KEY);
  await redis.cli('FLUSHALL');
  await until(() => client.peek(KEY)?.value === undefined);
  await until(async () => (await client.get(KEY)).status === 'miss');
});

test('reads and writes in flight are repeated on the next connection, and a write is made once', async (t) => {
  const relay = await relayTo(t, near);
  const client = await clientOf(t, relay);
  const first = await write(near, KEY, 1);
  relay.holds = ({ event }) => event === undefined;
  const read = client.get(KEY);
  const written = client.set(KEY, 2, { ifVersion: first });
  await until(() => ['snapshot', 'status'].every((member) => relay.held.some((frame) => member in frame)));
  const { version } = relay.held.find(({ status }) => status === 'replaced')!;
  await write(near, KEY, 3);
  relay.cut();
  relay.release();
  assert.deepEqual([(await written).status, (await written).version], ['replaced', version]);
  assert.equal((await read).value, 3);
});

test('a write that waits for a connection is made later, or fails with timeout and is never made', async (t) => {
  const proxy = await startTcpProxy(near);
  t.after(() => proxy.close());
  const client = await clientOf(t, proxy);
  proxy.accept(false);
  proxy.cut();
  await until(() => client.state.connection === 'down');
  await assert.rejects(client.set('x:late', 1, { timeoutMs: 20 }), { code: 'timeout' });
  const written = client.set('x:made', 1);
  proxy.accept(true);
  assert.equal((await written).status, 'created');
  assert.equal((await client.get('x:late')).status, 'miss');
});

test('a call ends at its deadline, by its signal, and when the client closes', async (t) => {
  const relay = await relayTo(t, near);
  const client = await clientOf(t, relay);
  relay.holds = () => true;
  await assert.rejects(client.get(KEY, { timeoutMs: 20 }), { code: 'timeout' });
  const controller = new AbortController();
  const aborted = assert.rejects(client.get(KEY, { signal: controller.signal }), { code: 'aborted' });
  controller.abort();
  await aborted;
  await assert.rejects(client.get(KEY, { signal: AbortSignal.abort() }), { code: 'aborted' });
  await assert.rejects(client.set(KEY, 1, { signal: AbortSignal.abort() }), { code: 'aborted' });
  const closed = assert.rejects(client.get(KEY), { code: 'closed' });
  await client.close();
  await closed;
  await assert.rejects(client.get(KEY), { code: 'closed' });
  await assert.rejects(client.set(KEY, 1), { code: 'closed' });
  assert.equal(client.state.connection, 'closed');
});

test('the number of keys in flight is bounded', async (t) => {
  const relay = await relayTo(t, near);
  const client = await clientOf(t, relay, { ...NEAR, maxInFlight: 10 });
  relay.holds = ({ event }) => event === undefined;
  const open = Array.from({ length: 10 }, (_, i) => client.get(`x:${i}`));
  await assert.rejects(client.get('x:10'), { code: 'too_many_requests' });
  relay.release();
  await Promise.all(open);
  await client.get('x:10');
});

test('a first connection that fails is reported with its cause', async () => {
  const service = await startService({ standalone: true, env: { OVERLOAD_LOOP_DELAY_MS: '0' } });
  const { port } = service;
  await service.stop();
  const failed = connect(`ws://127.0.0.1:${port}`, { connectTimeoutMs: 10_000 });
  await assert.rejects(failed, { code: 'disconnected', message: /ECONNREFUSED/ });
  for (const address of ['redis://a', 'nonsense', 'ws://user:secret@a'])
    await assert.rejects(connect(address), { code: 'argument_invalid' });
  await assert.rejects(connect([]), { code: 'argument_invalid' });
});
