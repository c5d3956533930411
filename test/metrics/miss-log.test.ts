import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { MissLog } from '../../src/metrics/miss-log.ts';

test('the misses of a second are one line, by type and with the five most-missed keys', (t) => {
  const { misses, lines } = setUp(t);
  for (const [key, times] of [
    ['borrow_rate:AAPL', 7],
    ['borrow_rate:MSFT', 6],
    ['min_rate:AAPL', 5],
    ['odd', 4],
    ['volatility:T', 3],
    ['volatility:U', 2],
  ] as const)
    for (let i = 0; i < times; i++) misses.record(key);
  t.mock.timers.tick(999);
  assert.deepEqual(lines, []);
  t.mock.timers.tick(1);
  assert.deepEqual(lines, [
    {
      level: 'info',
      misses: 27,
      by_type: { borrow_rate: 13, volatility: 5, min_rate: 5, other: 4 },
      top: [
        { key: 'borrow_rate:AAPL', misses: 7 },
        { key: 'borrow_rate:MSFT', misses: 6 },
        { key: 'min_rate:AAPL', misses: 5 },
        { key: 'odd', misses: 4 },
        { key: 'volatility:T', misses: 3 },
      ],
      msg: 'cache miss summary',
    },
  ]);
});

test('a second without misses has no line', (t) => {
  const { misses, lines } = setUp(t);
  misses.record('a');
  t.mock.timers.tick(60_000);
  assert.equal(lines.length, 1);
});

test('each line counts its own second only, and there is at most one a second', (t) => {
  const { misses, lines } = setUp(t);
  for (let ms = 0; ms < 10_000; ms++) {
    misses.record(`borrow_rate:${ms}`);
    t.mock.timers.tick(1);
  }
  assert.equal(lines.length, 10);
  for (const line of lines) assert.equal(line.misses, 1000);
});

test('a key does not leave control characters, or more than 120 characters, in the log', (t) => {
  const { misses, lines } = setUp(t);
  for (const key of ['a\u001b[2J\n\u202eb\u2028', `x${'😀'.repeat(200)}`, 'k'.repeat(120)])
    misses.record(key);
  misses.flush();
  const keys = lines[0]!.top.map(({ key }) => key);
  assert.deepEqual(keys, ['a\\u{1b}[2J\\u{a}\\u{202e}b\\u{2028}', `x${'😀'.repeat(59)}…`, 'k'.repeat(120)]);
});

test('flush logs the misses of the current second at once, and no miss twice', (t) => {
  const { misses, lines } = setUp(t);
  misses.flush();
  assert.equal(lines.length, 0);
  misses.record('a');
  misses.flush();
  misses.flush();
  t.mock.timers.tick(5_000);
  assert.equal(lines.length, 1);
});

test('the timer of the miss log does not keep the process alive', () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const misses = new MissLog({ info: () => {} });
  misses.record('a');
  const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  misses.flush();
  assert.equal(after, before);
});

interface Line {
  readonly misses: number;
  readonly top: readonly { readonly key: string; readonly misses: number }[];
}

/** A miss log on a real logger, with the test's hand on the timers. */
function setUp(t: TestContext): { misses: MissLog; lines: Line[] } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lines: Line[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(chunk));
      done();
    },
  });
  const log = pino({ base: null, timestamp: false, formatters: { level: (level) => ({ level }) } }, stream);
  return { misses: new MissLog(log), lines };
}
