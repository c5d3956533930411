import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startService } from '../../loadtest/target/service.ts';
import type { Change } from '../../src/client/change.ts';
import { replicasOfFile } from '../support/services.ts';
import { clientOf, NEAR, relayTo, trusted, write } from './stage.ts';

const {
  replicas: [service],
} = await replicasOfFile({});

const remove = (key: string) => service.fetch(`/v1/cache/${key}`, { method: 'DELETE' });

test('a handler receives every change, with value, version and age', async (t) => {
  const client = await clientOf(t, service);
  await trusted(client);
  const changes: Change[] = [];
  const { close } = await client.subscribe({ prefixes: ['x:'] }, (change) => changes.push(change));
  const version = await write(service, 'x:1', 'a');
  await until(() => changes.length === 1);
  const { age, ...update } = changes[0] as Change & { kind: 'update' };
  assert.deepEqual(update, {
    kind: 'update',
    key: 'x:1',
    value: 'a',
    version,
    asOf: undefined,
    source: undefined,
    quality: 'good',
    qualityReason: undefined,
    merged: 0,
    code: undefined,
    fromSnapshot: false,
  });
  assert.ok(age! >= 0);
  await remove('x:1');
  await until(() => changes.length === 2);
  assert.deepEqual(changes[1], {
    kind: 'invalidate',
    key: 'x:1',
    reason: 'delete',
    quality: undefined,
    qualityReason: undefined,
    merged: 0,
    fromSnapshot: false,
  });
  close();
  await write(service, 'x:1', 'b');
  await client.get('x:1');
  assert.equal(changes.length, 2);
});

test('the present values come first if the program wants them', async (t) => {
  const client = await clientOf(t, service);
  await write(service, 'calculation:A', 1);
  const changes: Change[] = [];
  await client.subscribe({ types: ['calculation'] }, (change) => changes.push(change), { initial: true });
  assert.deepEqual(
    changes.map(({ key, fromSnapshot }) => [key, fromSnapshot]),
    [['calculation:A', true]],
  );
});

test('a subscription fills the near cache and keeps it current, until it ends', async (t) => {
  const relay = await relayTo(t, service);
  const client = await clientOf(t, relay);
  await trusted(client);
  await write(service, 'calculation:A', 1);
  const { close } = await client.subscribe({ types: ['calculation'] }, () => {});
  assert.equal(client.peek('calculation:A')?.value, 1);
  await write(service, 'calculation:A', 2);
  await write(service, 'calculation:B', 3);
  await until(() => client.peek('calculation:B')?.value === 3);
  assert.equal(client.peek('calculation:A')?.value, 2);
  assert.equal(relay.of('get', 'mget').length, 0);
  close();
  assert.equal(client.peek('calculation:A'), undefined);
  assert.equal((await client.get('calculation:A')).tier, 'service');
});

test('an iterator yields changes, and only the newest of each key while the program is slow', async (t) => {
  const client = await clientOf(t, service);
  const changes = client.changes<number>({ types: ['calculation'] });
  await until(async () => {
    await write(service, 'calculation:first', 0);
    return client.peek('calculation:first')?.value === 0;
  });
  for (let i = 1; i <= 20; i++) await write(service, 'calculation:A', i);
  await until(() => client.peek('calculation:A')?.value === 20);
  const seen: Change<number>[] = [];
  for await (const change of changes) {
    if (change.key !== 'calculation:A') continue;
    seen.push(change);
    break;
  }
  assert.deepEqual(
    seen.map((change) => 'value' in change && change.value),
    [20],
  );
  assert.equal(seen[0]!.merged, 19);
  assert.equal((await changes.next()).done, true);
});

test('an iterator ends with its signal and with the client, and throws if the subscription is refused', async (t) => {
  const client = await clientOf(t, service);
  const controller = new AbortController();
  const stopped = client.changes({ types: ['calculation'] }, { signal: controller.signal });
  const closed = client.changes({ types: ['calculation'] });
  const next = stopped.next();
  controller.abort();
  assert.equal((await next).done, true);
  await assert.rejects(client.changes({ types: ['unknown'] }).next(), { code: 'frame_invalid' });
  await assert.rejects(
    client.subscribe({}, () => {}),
    { code: 'argument_invalid' },
  );
  const last = closed.next();
  await client.close();
  assert.equal((await last).done, true);
});

test('an invalidation by type or pattern reaches handlers and the near cache', async (t) => {
  const client = await clientOf(t, service);
  await trusted(client);
  const changes: Change[] = [];
  await Promise.all(['calculation:A', 'calculation:B'].map((key) => write(service, key, 1)));
  await client.subscribe({ types: ['calculation'] }, (change) => changes.push(change));
  const answer = await service.fetch('/v1/invalidate', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ pattern: 'calculation:*' }),
  });
  assert.equal(answer.status, 200);
  await until(() => client.peek('calculation:A') === undefined && client.peek('calculation:B') === undefined);
  const keys = new Set(changes.filter(({ kind }) => kind === 'invalidate').map(({ key }) => key));
  assert.deepEqual([...keys].sort(), ['calculation:A', 'calculation:B']);
});

test('a flush of a standalone service reaches handlers and the near cache', async (t) => {
  const alone = await startService({ standalone: true, env: { OVERLOAD_LOOP_DELAY_MS: '0' } });
  t.after(() => alone.stop());
  const client = await clientOf(t, alone);
  await trusted(client);
  await write(alone, 'x:1', 1);
  const changes: Change[] = [];
  await client.subscribe({ keys: ['x:1'] }, (change) => changes.push(change));
  await client.get('x:1');
  await alone.fetch('/v1/flush', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"tier":"local"}',
  });
  await until(() => changes.some(({ kind }) => kind === 'invalidate'));
  assert.equal((await client.get('x:1')).status, 'miss');
});

test('an interval limits how often a handler receives a key, and the last state arrives', async (t) => {
  const client = await clientOf(t, service);
  const changes: Change[] = [];
  const interval = 60_000;
  await client.subscribe({ keys: ['x:1'] }, (change) => changes.push(change), { interval });
  await client.subscribe({ keys: ['x:2'] }, (change) => changes.push(change), { interval: 50 });
  for (let i = 1; i <= 20; i++) await Promise.all([write(service, 'x:1', i), write(service, 'x:2', i)]);
  const of = (name: string) => changes.filter(({ key }) => key === name) as (Change & { kind: 'update' })[];
  await until(() => of('x:2').at(-1)?.value === 20);
  assert.equal(of('x:1').length, 1);
  assert.equal(client.peek('x:1'), undefined);
});

test('an error of a handler is reported to onError, and the connection stays', async (t) => {
  const errors: unknown[] = [];
  const client = await clientOf(t, service, {
    ...NEAR,
    maxSilenceMs: 60_000,
    onError: (error) => errors.push(error),
  });
  const changes: Change[] = [];
  const failure = new Error('the handler failed');
  const asyncFailure = new Error('the asynchronous handler failed');
  client.onState(() => {
    throw new Error('the listener failed');
  });
  await client.subscribe({ keys: ['x:1'] }, () => {
    throw failure;
  });
  await client.subscribe({ keys: ['x:1'] }, async () => {
    throw asyncFailure;
  });
  await client.subscribe({ keys: ['x:1'] }, (change) => changes.push(change));
  await trusted(client);
  errors.length = 0;
  for (const value of [1, 2]) {
    await write(service, 'x:1', value);
    await until(
      () => changes.at(-1)?.kind === 'update' && (changes.at(-1) as { value?: unknown }).value === value,
    );
  }
  await until(() => errors.filter((error) => error === asyncFailure).length === changes.length);
  assert.equal(errors.filter((error) => error === failure).length, changes.length);
  assert.equal(client.state.connection, 'up');
  assert.equal(client.state.lastError, undefined);
});
