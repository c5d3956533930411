import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Entry } from '../../src/cache/entry.ts';
import { RecentChanges } from '../../src/cache/recent-changes.ts';
import { json } from '../support/replica.ts';

const VERSION = '01a20c60214c0000355a7e2f';

function setUp() {
  const clock = { now: 1_700_000_000_000 };
  const changes = new RecentChanges(() => clock.now);
  const entry = (expiresAt: number) => new Entry('a', json('1'), VERSION, clock.now, expiresAt);
  return { clock, changes, entry };
}

test('the latest change of a key is returned with its reason, version and time', () => {
  const { clock, changes } = setUp();
  assert.equal(changes.of('a'), undefined);
  changes.keyChanged('a', { reason: 'set', version: VERSION }, undefined);
  clock.now += 5;
  changes.keyChanged('a', { reason: 'delete', version: VERSION }, undefined);
  assert.deepEqual(changes.of('a'), { at: clock.now, reason: 'delete', version: VERSION });
  assert.equal(changes.of('b'), undefined);
});

test('an unannounced change is an expiry where the deadline of the entry has passed, else remote', () => {
  const { clock, changes, entry } = setUp();
  changes.keyChanged('a', undefined, entry(clock.now - 1));
  assert.equal(changes.of('a')!.reason, 'expire');
  changes.keyChanged('a', undefined, entry(clock.now + 1000));
  assert.equal(changes.of('a')!.reason, 'remote');
  changes.keyChanged('a', undefined, undefined);
  assert.equal(changes.of('a')!.reason, 'remote');
});

test('a later change of many keys counts for the keys that it covers', () => {
  const { clock, changes } = setUp();
  changes.keyChanged('volatility:A', { reason: 'set', version: VERSION }, undefined);
  clock.now += 5;
  changes.manyChanged((key) => key.startsWith('volatility:'), 'delete', VERSION);
  assert.deepEqual(changes.of('volatility:A'), { at: clock.now, reason: 'delete', version: VERSION });
  assert.equal(changes.of('volatility:B')!.reason, 'delete');
  assert.equal(changes.of('min_rate:A'), undefined);
  clock.now += 5;
  changes.keyChanged('volatility:A', { reason: 'set', version: VERSION }, undefined);
  assert.equal(changes.of('volatility:A')!.reason, 'set');
});

test('only the latest changes are remembered', () => {
  const { changes } = setUp();
  for (let i = 0; i < 5000; i++) changes.keyChanged(`k:${i}`, undefined, undefined);
  assert.equal(changes.of('k:0'), undefined);
  assert.equal(changes.of('k:4999')!.reason, 'remote');
  for (let i = 0; i < 65; i++) changes.manyChanged((key) => key === `m:${i}`, 'flush');
  assert.equal(changes.of('m:0'), undefined);
  assert.equal(changes.of('m:64')!.reason, 'flush');
});
