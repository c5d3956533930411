import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LoopDelay } from '../../src/cache/loop-delay.ts';

/** A loop whose clock the test moves: its timer, due every 20 ms, runs when the test says. */
function loop(t: TestContext) {
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const delay = new LoopDelay();
  t.after(() => delay.stop());
  const tick = (lateMs = 0) => {
    now += 20 + lateMs;
    t.mock.timers.tick(20);
  };
  return {
    delay,
    /** The timer runs this much too late. */
    tick,
  };
}

/** As `loop`, past its start. */
function running(t: TestContext) {
  const started = loop(t);
  started.tick();
  return started;
}

test('how long the process took to start counts for nothing', (t) => {
  const { delay, tick } = loop(t);
  tick(900);
  assert.equal(delay.delayMs, 0);
  tick(30);
  assert.equal(delay.delayMs, 30);
});

test('a loop whose timers run in time has no delay', (t) => {
  const { delay, tick } = running(t);
  assert.equal(delay.delayMs, 0);
  for (let i = 0; i < 10; i++) tick();
  assert.equal(delay.delayMs, 0);
});

test('the delay is how late the timer ran, at once', (t) => {
  const { delay, tick } = running(t);
  tick(300);
  assert.equal(delay.delayMs, 300);
});

test('it is forgotten over about a second, and a worse one counts at once', (t) => {
  const { delay, tick } = running(t);
  tick(300);
  let last = delay.delayMs;
  for (let i = 0; i < 25; i++) {
    tick();
    assert.ok(delay.delayMs < last);
    last = delay.delayMs;
  }
  assert.ok(last > 10 && last < 30, `after half a second ${last}`);
  for (let i = 0; i < 25; i++) tick();
  assert.ok(delay.delayMs < 2, `after a second ${delay.delayMs}`);
  tick(500);
  assert.equal(delay.delayMs, 500);
});

test('a small delay does not hide the large one before it', (t) => {
  const { delay, tick } = running(t);
  tick(300);
  tick(5);
  assert.equal(delay.delayMs, 270);
});

test('a timer that runs early, as timers may, is no negative delay', (t) => {
  const { delay, tick } = running(t);
  tick(-1);
  assert.equal(delay.delayMs, 0);
});

test('once stopped it looks no more', (t) => {
  const { delay, tick } = running(t);
  delay.stop();
  tick(300);
  assert.equal(delay.delayMs, 0);
});
