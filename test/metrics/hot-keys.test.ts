import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HotKeys, hottest } from '../../src/metrics/hot-keys.ts';

function setUp() {
  const clock = { now: 0 };
  return { clock, hot: new HotKeys(() => clock.now) };
}

test('the keys with the most reads and misses are reported with rates, the highest first', () => {
  const { clock, hot } = setUp();
  for (let i = 0; i < 30; i++) hot.sampledRead('borrow_rate:A');
  for (let i = 0; i < 10; i++) hot.sampledRead('odd');
  for (let i = 0; i < 5; i++) hot.missed('volatility:B');
  clock.now = 10_000;
  assert.deepEqual(hottest([hot.rates()]), {
    seconds: 10,
    reads: [
      { key: 'borrow_rate:A', type: 'borrow_rate', per_second: 192 },
      { key: 'odd', type: 'other', per_second: 64 },
    ],
    misses: [{ key: 'volatility:B', type: 'volatility', per_second: 0.5 }],
  });
});

test('rates of one key in several processes are added', () => {
  const [one, two] = [setUp(), setUp()];
  for (const { clock, hot } of [one, two]) {
    clock.now = 1000;
    hot.missed('a');
  }
  two.hot.missed('b');
  two.hot.missed('b');
  two.hot.missed('b');
  const { misses, seconds } = hottest([one.hot.rates(), two.hot.rates()]);
  assert.equal(seconds, 1);
  assert.deepEqual(
    misses.map(({ key, per_second }) => [key, per_second]),
    [
      ['b', 3],
      ['a', 2],
    ],
  );
});

test('keys that are not allowed are left out', () => {
  const { hot } = setUp();
  hot.sampledRead('borrow_rate:A');
  hot.sampledRead('volatility:A');
  const { reads } = hottest([hot.rates()], (key) => key.startsWith('volatility:'));
  assert.deepEqual(
    reads.map(({ key }) => key),
    ['volatility:A'],
  );
});

test('a key disappears two minutes after its last read, and rates cover at most two minutes', () => {
  const { clock, hot } = setUp();
  hot.missed('a');
  clock.now = 61_000;
  hot.missed('b');
  clock.now = 119_000;
  const both = hottest([hot.rates()]);
  assert.equal(both.seconds, 119);
  assert.deepEqual(both.misses.map(({ key }) => key).sort(), ['a', 'b']);
  clock.now = 125_000;
  const later = hottest([hot.rates()]);
  assert.equal(later.seconds, 64);
  assert.deepEqual(
    later.misses.map(({ key }) => key),
    ['b'],
  );
  clock.now = 600_000;
  assert.deepEqual(hottest([hot.rates()]), { seconds: 1, reads: [], misses: [] });
});

test('the memory is bounded, and a frequent key is found among a million rare ones', () => {
  const { hot } = setUp();
  for (let i = 0; i < 1_000_000; i++) hot.missed(i % 20 === 0 ? 'frequent' : `rare:${i}`);
  const { misses } = hottest([hot.rates()]);
  assert.equal(misses[0]!.key, 'frequent');
  assert.equal(misses.length, 20);
});
