import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServiceClock, STEP_MS } from '../../src/cache/clock.ts';
import { NOW, openReplica } from '../support/replica.ts';

const HOUR_MS = 3_600_000;

/** A clock whose sources the test sets. `redis()` returns the time of Redis's clock. */
function setUp({ wall = NOW } = {}) {
  const time = { monotonic: 5000, wall };
  const clock = new ServiceClock({ monotonic: () => time.monotonic, wall: () => time.wall }, 0);
  /** Redis's clock starts at `NOW`, which the wall clock may be ahead of or behind. */
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
    /** Asks Redis for its time. The request takes `up` ms and the answer takes `down` ms. */
    ask(upMs: number, downMs: number): number {
      const sentAt = clock.monotonic;
      pass(upMs);
      const answer = redis();
      pass(downMs);
      return clock.sample(sentAt, answer, clock.monotonic);
    },
  };
}

test('a clock starts at the wall clock time and ignores later changes of the wall clock', () => {
  const { clock, time } = setUp();
  assert.equal(clock.exact, NOW);
  time.wall -= HOUR_MS;
  assert.equal(clock.exact, NOW);
  time.monotonic += 1500;
  assert.equal(clock.exact, NOW + 1500);
});

test('`now` advances only at a tick', () => {
  const { clock, time } = setUp();
  time.monotonic += 100;
  assert.equal(clock.now, NOW);
  clock.tick();
  assert.equal(clock.now, NOW + 100);
});

test('standalone: setting the wall clock back by an hour does not lengthen the TTL of a value', async () => {
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

test('a clock that is off by an hour follows the clock of Redis, and returns the size of the step', () => {
  for (const off of [-HOUR_MS, HOUR_MS, 3000]) {
    const { clock, redis, ask } = setUp({ wall: NOW + off });
    assert.equal(clock.synced, false);
    const stepped = ask(1, 1);
    assert.equal(clock.synced, true);
    assert.ok(Math.abs(stepped + off) <= 1, `${stepped}`);
    assert.ok(Math.abs(clock.exact - redis()) <= 1);
    assert.ok(Math.abs(clock.wallOffsetMs + off) <= 1, `${clock.wallOffsetMs}`);
    assert.equal(clock.now, clock.exact, '`now` follows at once');
  }
});

test('a small correction is not reported as a step', () => {
  const { clock, ask } = setUp({ wall: NOW + STEP_MS - 10 });
  assert.equal(ask(0, 0), 0);
  assert.equal(clock.synced, true);
  assert.ok(Math.abs(clock.exact - NOW) <= 1);
});

test('for any latency, `reached` is never ahead of Redis, and `exact` is off by at most half the round trip', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(500), fc.nat(500), fc.nat(600_000)), { minLength: 1, maxLength: 10 }),
      (samples) => {
        const on = setUp({ wall: NOW + 10_000 });
        let best = Number.POSITIVE_INFINITY;
        for (const [up, down, rest] of samples) {
          on.ask(up, down);
          best = Math.min(best, up + down);
          assert.ok(on.clock.reached <= on.redis(), '`reached` is ahead of Redis right after the sample');
          assert.ok(Math.abs(on.clock.exact - on.redis()) <= (up + down) / 2 + 1);
          on.pass(rest);
          assert.ok(on.clock.reached <= on.redis(), '`reached` is ahead of Redis later');
        }
      },
    ),
  );
});

test('a fast answer narrows the uncertainty of the clock, and a later slow answer does not widen it at once', () => {
  const on = setUp();
  on.ask(0, 100);
  const wide = on.redis() - on.clock.reached;
  on.ask(1, 1);
  const narrow = on.redis() - on.clock.reached;
  assert.ok(narrow < wide);
  on.ask(100, 0);
  assert.ok(on.redis() - on.clock.reached <= narrow + 1);
});

test('the clock follows when the clock of Redis is changed', () => {
  const on = setUp();
  on.ask(1, 1);
  const sentAt = on.clock.monotonic;
  const stepped = on.clock.sample(sentAt, on.redis() - HOUR_MS, on.clock.monotonic);
  assert.ok(Math.abs(stepped + HOUR_MS) <= 2);
  assert.ok(Math.abs(on.clock.exact - (on.redis() - HOUR_MS)) <= 1);
});

test('after `unsync`, samples of the previous Redis server no longer count', () => {
  const on = setUp();
  on.ask(1, 1);
  on.clock.unsync();
  assert.equal(on.clock.synced, false);
  // The new interval overlaps the old one. Only the new interval counts.
  const sentAt = on.clock.monotonic;
  on.pass(100);
  on.clock.sample(sentAt, on.redis() + 40, on.clock.monotonic);
  assert.ok(Math.abs(on.clock.exact - (on.redis() + 90)) <= 1);
});

test('when Redis does not report its time, the clock follows the wall clock', () => {
  const { clock, time } = setUp();
  time.wall += 5000;
  clock.trustWall();
  assert.equal(clock.synced, true);
  assert.equal(clock.exact, NOW + 5000);
  assert.equal(clock.wallOffsetMs, 0);
});
