import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServiceClock, STEP_MS } from '../../src/cache/clock.ts';
import { NOW, openReplica } from '../support/replica.ts';

const HOUR_MS = 3_600_000;

/** A clock whose sources the test sets. Redis's clock is at `redis()`. */
function setUp({ wall = NOW } = {}) {
  const time = { monotonic: 5000, wall };
  const clock = new ServiceClock({ monotonic: () => time.monotonic, wall: () => time.wall }, 0);
  /** Redis's clock is where the wall clock was to be at the start. */
  const redis = () => NOW + time.monotonic - 5000;
  const pass = (ms: number) => {
    time.monotonic += ms;
    time.wall += ms;
  };
  return {
    clock,
    time,
    redis,
    pass,
    /** Asks Redis, with so long on the way there and back. */
    ask(upMs: number, downMs: number): number {
      const sentAt = clock.monotonic;
      pass(upMs);
      const answer = redis();
      pass(downMs);
      return clock.sample(sentAt, answer, clock.monotonic);
    },
  };
}

test('a clock begins at the time of the wall clock, and a wall clock that is set later changes nothing', () => {
  const { clock, time } = setUp();
  assert.equal(clock.exact, NOW);
  time.wall -= HOUR_MS;
  assert.equal(clock.exact, NOW);
  time.monotonic += 1500;
  assert.equal(clock.exact, NOW + 1500);
});

test('`now` moves with the tick, and never back', () => {
  const { clock, time } = setUp();
  time.monotonic += 100;
  assert.equal(clock.now, NOW);
  clock.tick();
  assert.equal(clock.now, NOW + 100);
});

test('standalone, a wall clock that is set back by an hour does not lengthen the life of a value', async () => {
  const { clock, time } = setUp();
  const { cache } = openReplica({ clock, standalone: true });
  await cache.set('k', { encoding: 'json', body: '1' }, 2000);
  time.wall -= HOUR_MS;
  time.monotonic += 1999;
  clock.tick();
  assert.ok(cache.peek('k'));
  time.monotonic += 1;
  clock.tick();
  assert.equal(cache.peek('k'), undefined);
});

test('a clock that is off by an hour is set by the clock of Redis, and says by how much it was stepped', () => {
  for (const off of [-HOUR_MS, HOUR_MS, 3000]) {
    const { clock, redis, ask } = setUp({ wall: NOW + off });
    assert.equal(clock.synced, false);
    const stepped = ask(1, 1);
    assert.equal(clock.synced, true);
    assert.ok(Math.abs(stepped + off) <= 1, `${stepped}`);
    assert.ok(Math.abs(clock.exact - redis()) <= 1);
    assert.ok(Math.abs(clock.wallOffsetMs + off) <= 1, `${clock.wallOffsetMs}`);
    assert.equal(clock.now, clock.exact, 'it ticks at once');
  }
});

test('a small correction is no step', () => {
  const { clock, ask } = setUp({ wall: NOW + STEP_MS - 10 });
  assert.equal(ask(0, 0), 0);
  assert.equal(clock.synced, true);
  assert.ok(Math.abs(clock.exact - NOW) <= 1);
});

test('however long the ways are, `reached` is a time that the clock of Redis has reached, and `now` is off by half', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(500), fc.nat(500), fc.nat(600_000)), { minLength: 1, maxLength: 10 }),
      (samples) => {
        const on = setUp({ wall: NOW + 10_000 });
        let best = Number.POSITIVE_INFINITY;
        for (const [up, down, rest] of samples) {
          on.ask(up, down);
          best = Math.min(best, up + down);
          assert.ok(on.clock.reached <= on.redis(), 'right after the sample');
          assert.ok(Math.abs(on.clock.exact - on.redis()) <= (up + down) / 2 + 1);
          on.pass(rest);
          assert.ok(on.clock.reached <= on.redis(), 'and later');
        }
      },
    ),
  );
});

test('a fast answer narrows what a slow one left open, and a slow one does not widen it at once', () => {
  const on = setUp();
  on.ask(0, 100);
  const wide = on.redis() - on.clock.reached;
  on.ask(1, 1);
  const narrow = on.redis() - on.clock.reached;
  assert.ok(narrow < wide);
  on.ask(100, 0);
  assert.ok(on.redis() - on.clock.reached <= narrow + 1);
});

test('a clock of Redis that was set is followed', () => {
  const on = setUp();
  on.ask(1, 1);
  const sentAt = on.clock.monotonic;
  const stepped = on.clock.sample(sentAt, on.redis() - HOUR_MS, on.clock.monotonic);
  assert.ok(Math.abs(stepped + HOUR_MS) <= 2);
  assert.ok(Math.abs(on.clock.exact - (on.redis() - HOUR_MS)) <= 1);
});

test('what is known of one server says nothing about the next one', () => {
  const on = setUp();
  on.ask(1, 1);
  on.clock.unsync();
  assert.equal(on.clock.synced, false);
  // Its interval meets the old one: all the same only the new one counts.
  const sentAt = on.clock.monotonic;
  on.pass(100);
  on.clock.sample(sentAt, on.redis() + 40, on.clock.monotonic);
  assert.ok(Math.abs(on.clock.exact - (on.redis() + 90)) <= 1);
});

test('where Redis does not tell its time, the wall clock has to do', () => {
  const { clock, time } = setUp();
  time.wall += 5000;
  clock.trustWall();
  assert.equal(clock.synced, true);
  assert.equal(clock.exact, NOW + 5000);
  assert.equal(clock.wallOffsetMs, 0);
});
