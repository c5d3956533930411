import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isVersion, VersionClock } from '../../src/cache/version.ts';
import { NO_VERSION } from '../support/replica.ts';

const WALL = 1_700_000_000_000;

/** A version clock whose wall clock the test moves. */
function clockAt(ms: number, writer = '0000000a') {
  const wall = { now: ms };
  return { wall, clock: new VersionClock(writer, () => wall.now) };
}

test('a stamp has the milliseconds, the counter and the writer in hexadecimal', () => {
  const { clock } = clockAt(0x0123456789ab, 'deadbeef');
  assert.equal(clock.next(), '0123456789ab0000deadbeef');
  assert.equal(clock.next(), '0123456789ab0001deadbeef');
});

test('stamps grow while the wall clock stands still', () => {
  const { clock } = clockAt(WALL);
  growing(Array.from({ length: 1000 }, () => clock.next()));
});

test('stamps grow while the wall clock goes back', () => {
  const { wall, clock } = clockAt(WALL);
  growing(
    Array.from({ length: 1000 }, () => {
      wall.now -= 1000;
      return clock.next();
    }),
  );
});

test('the counter starts at zero in each millisecond', () => {
  const { wall, clock } = clockAt(WALL);
  clock.next();
  clock.next();
  wall.now++;
  assert.equal(clock.next().slice(12, 16), '0000');
});

test('a full counter continues in the next millisecond', () => {
  const { wall, clock } = clockAt(WALL);
  const stamps = Array.from({ length: 0x10001 }, () => clock.next());
  growing(stamps);
  assert.equal(Number.parseInt(stamps.at(-2)!.slice(0, 16), 16), WALL * 0x10000 + 0xffff);
  assert.equal(Number.parseInt(stamps.at(-1)!.slice(0, 12), 16), WALL + 1);
  // The wall clock reaches the millisecond that was used early. The counter must not start again there.
  wall.now = WALL + 1;
  growing([stamps.at(-1)!, clock.next()]);
});

test('stamps have full length even if the wall clock shows the year 1970', () => {
  const { clock } = clockAt(0);
  const stamps = [clock.next(), clock.next()];
  for (const stamp of stamps) assert.ok(isVersion(stamp), stamp);
  growing(stamps);
});

test('a stamp after an observation is greater than the observed version', () => {
  const { clock } = clockAt(WALL, '00000001');
  const other = clockAt(WALL + 5_000, 'ffffffff').clock;
  const observed = [other.next(), other.next(), other.next()];
  for (const version of observed) clock.observe(version);
  growing([observed.at(-1)!, clock.next(), clock.next()]);
});

test('after an observation of a full counter, stamps continue in the next millisecond', () => {
  const { clock } = clockAt(WALL);
  const full = `${WALL.toString(16).padStart(12, '0')}ffffffffffff`;
  clock.observe(full);
  growing([full, clock.next()]);
});

test('an observation of an older version changes nothing', () => {
  const { clock } = clockAt(WALL);
  const before = clock.next();
  clock.observe(NO_VERSION);
  clock.observe(clockAt(WALL - 1).clock.next());
  clock.observe(before);
  const next = clock.next();
  assert.equal(next.slice(0, 12), before.slice(0, 12));
  assert.equal(next.slice(12, 16), '0001');
});

test('the clock follows a stamp up to a minute ahead, and ignores a stamp further ahead', () => {
  const { clock } = clockAt(WALL);
  const minute = clockAt(WALL + 60_000, 'ffffffff').clock.next();
  clock.observe(clockAt(WALL + 60_001, 'ffffffff').clock.next());
  assert.ok(clock.next() < minute);
  clock.observe(minute);
  growing([minute, clock.next()]);
});

test('two writers never create the same stamp', () => {
  const one = clockAt(WALL, '00000001').clock;
  const two = clockAt(WALL, '00000002').clock;
  const stamps = Array.from({ length: 200 }, (_, i) => (i % 2 ? one : two).next());
  assert.equal(new Set(stamps).size, 200);
});

test('every stamp is greater than all earlier stamps, for any wall clock and any observation within bounds', () => {
  const step = fc.oneof(
    fc.record({ wall: fc.integer({ min: WALL - 100_000, max: WALL + 100_000 }) }),
    fc.record({
      observe: fc.tuple(fc.integer({ min: -50_000, max: 60_000 }), fc.constantFrom(0, 1, 0xfffe, 0xffff)),
    }),
    fc.constant({ stamp: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { wall, clock } = clockAt(WALL);
      let last = NO_VERSION;
      for (const step of steps) {
        if ('wall' in step) wall.now = step.wall;
        else if ('observe' in step) {
          const [ahead, counter] = step.observe;
          const digits = (wall.now + ahead).toString(16).padStart(12, '0');
          const version = `${digits}${counter.toString(16).padStart(4, '0')}ffffffff`;
          clock.observe(version);
          if (version > last) last = version;
        } else {
          const stamp = clock.next();
          assert.ok(isVersion(stamp));
          assert.ok(stamp > last, `${stamp} after ${last}`);
          last = stamp;
        }
      }
    }),
  );
});

test('versions sort as strings in the order of their parts', () => {
  const parts = fc.tuple(
    fc.maxSafeInteger().map((n) => Math.abs(n) % 2 ** 48),
    fc.nat(0xffff),
    fc.nat(0xffffff),
  );
  const text = ([ms, counter, writer]: [number, number, number]) =>
    ms.toString(16).padStart(12, '0') +
    counter.toString(16).padStart(4, '0') +
    writer.toString(16).padStart(8, '0');
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const byParts = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
      const [x, y] = [text(a), text(b)];
      assert.equal(Math.sign(byParts), x < y ? -1 : x > y ? 1 : 0);
    }),
  );
});

test('a version is 24 lower-case hexadecimal digits and nothing else', () => {
  assert.ok(isVersion(NO_VERSION));
  assert.ok(isVersion('0123456789abcdef00000000'));
  for (const text of [
    '',
    '0'.repeat(23),
    '0'.repeat(25),
    `${'0'.repeat(23)}A`,
    `${'0'.repeat(24)}\n`,
    '*',
    `"${NO_VERSION}"`,
  ])
    assert.equal(isVersion(text), false, text);
});

function growing(stamps: readonly string[]): void {
  for (let i = 1; i < stamps.length; i++)
    assert.ok(stamps[i]! > stamps[i - 1]!, `${stamps[i]} after ${stamps[i - 1]}`);
}
