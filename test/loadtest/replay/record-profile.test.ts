import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProfile } from '../../../loadtest/profile-file.ts';
import type { Operation } from '../../../loadtest/replay/operation.ts';
import { meanRate, recordProfile } from '../../../loadtest/replay/record-profile.ts';

/** 100 operations in the first five seconds and 900 in the last five: 80 % get, 10 % mget of three keys, 10 % set. */
const LOG: readonly Operation[] = Array.from({ length: 1_001 }, (_, n): Operation => {
  const atMs = n < 100 ? n * 50 : 5_000 + ((n - 100) * 5_000) / 900;
  if (n % 10 === 0) return { atMs, op: 'mget', keys: ['a:1', 'a:2', 'a:3'], bytes: 600 };
  if (n % 10 === 1) return { atMs, op: 'set', keys: ['a:1'], bytes: 200 };
  return { atMs, op: 'get', keys: [n % 10 < 5 ? 'a:2' : `a:${n}`], bytes: 200 };
});

test('a recorded profile has the mix, the popular keys and the rate over time of its log', () => {
  const profile = recordProfile(LOG, { name: 'morning' });
  const share = (op: string) => profile.mix.find((part) => part.op === op)!.share;
  for (const [op, expected] of [
    ['get', 80],
    ['mget', 10],
    ['set', 10],
  ] as const)
    assert.ok(Math.abs(share(op) - expected) < 0.2, `${op}: ${share(op)}`);
  assert.equal(profile.mix.find(({ op }) => op === 'mget')!.size, 3);
  assert.ok('list' in profile.keys);
  assert.deepEqual(profile.keys.list.slice(0, 2), ['a:2', 'a:1']);
  assert.equal(profile.keys.valueBytes, 200);
  const rates = profile.rate.map((stage) => ('perSecond' in stage ? stage.perSecond : Number.NaN));
  assert.equal(rates.length, 10);
  for (const rate of rates.slice(0, 5)) assert.ok(Math.abs(rate - 20) < 2, `${rates}`);
  for (const rate of rates.slice(5)) assert.ok(Math.abs(rate - 180) < 5, `${rates}`);
});

test('the command accepts a recorded profile', () => {
  const { load, traffic } = parseProfile(JSON.stringify(recordProfile(LOG, { name: 'morning' })));
  assert.equal(Math.round(load.seconds), 10);
  assert.ok(traffic.kind === 'mix' && traffic.parts.every(({ draw }) => draw === 'weighted'));
});

test('a shorter profile has the rates of the log', () => {
  const [whole, short] = [{}, { seconds: 2 }].map((options) =>
    recordProfile(LOG, { name: 'morning', ...options }),
  );
  const rates = (profile: typeof whole) => profile!.rate.map(({ seconds, ...rate }) => rate);
  assert.deepEqual(rates(short), rates(whole));
  assert.deepEqual(
    short!.rate.map(({ seconds }) => seconds),
    new Array(10).fill(0.2),
  );
});

test('a profile of another rate has the shape of the log, its mix and its keys', () => {
  const [logged, faster] = [{}, { rate: 64 * meanRate(LOG) }].map((options) =>
    recordProfile(LOG, { name: 'morning', ...options }),
  );
  const rates = (profile: typeof logged) =>
    profile!.rate.map((stage) => ('perSecond' in stage ? stage.perSecond : Number.NaN));
  for (const [i, rate] of rates(faster).entries()) assert.ok(Math.abs(rate / rates(logged)[i]! - 64) < 0.01);
  assert.deepEqual({ ...faster, rate: [] }, { ...logged, rate: [] });
});

test('a log of less than a second has no rate', () => {
  assert.throws(() => recordProfile(LOG.slice(0, 2), { name: 'short' }), /less than a second/);
});

test('a log without operations, or with one, is reported as such', () => {
  assert.throws(() => recordProfile([], { name: 'empty' }), /no operation was read/);
  assert.throws(() => recordProfile(LOG.slice(0, 1), { name: 'one' }), /one operation was read/);
});

test('a batch and a value that a profile cannot have are shortened, with a note', () => {
  const keys = Array.from({ length: 1_500 }, (_, n) => `a:${n}`);
  const log: Operation[] = [0, 500, 1_000, 1_500].map((atMs, n) =>
    n % 2 === 0 ? { atMs, op: 'mget', keys } : { atMs, op: 'set', keys: ['a:1'], bytes: 30_000_000 },
  );
  const notes: string[] = [];
  const profile = recordProfile(log, { name: 'large', onNote: (note) => notes.push(note) });
  assert.deepEqual(profile.mix[0], { op: 'mget', share: 50, size: 1_000 });
  assert.equal(profile.keys.valueBytes, 16_777_216);
  assert.deepEqual(notes, [
    'an mget has 1,500 keys in the log, and 1,000 in the profile',
    'values have 30,000,000 bytes in the log, and 16,777,216 in the profile',
  ]);
  parseProfile(JSON.stringify(profile));
});
