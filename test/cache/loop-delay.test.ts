import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LoopDelay } from '../../src/cache/loop-delay.ts';

/** An event loop whose clock the test moves. Its timer is due every 20 ms, and runs when the test calls it. */
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
    /** Runs the timer this much too late. */
    tick,
  };
}

/** As `loop`, but after the start-up of the process. */
function running(t: TestContext) {
  const started = loop(t);
  started.tick();
  return started;
}

test('the start-up time of the process does not count as delay', (t) => {
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

test('the delay shows at once how late the timer ran', (t) => {
  const { delay, tick } = running(t);
  tick(300);
  assert.equal(delay.delayMs, 300);
});

test('a delay decays within about a second, and a larger delay counts at once', (t) => {
  const { delay, tick } = running(t);
  tick(300);
  let last = delay.delayMs;
  for (let i = 0; i < 25; i++) {
    tick();
    assert.ok(delay.delayMs < last);
    last = delay.delayMs;
  }
  assert.ok(last > 10 && last < 30, `the delay after half a second is ${last}`);
  for (let i = 0; i < 25; i++) tick();
  assert.ok(delay.delayMs < 2, `the delay after a second is ${delay.delayMs}`);
  tick(500);
  assert.equal(delay.delayMs, 500);
});

test('a small delay does not replace an earlier large delay', (t) => {
  const { delay, tick } = running(t);
  tick(300);
  tick(5);
  assert.equal(delay.delayMs, 270);
});

test('a timer that runs early does not cause a negative delay', (t) => {
  const { delay, tick } = running(t);
  tick(-1);
  assert.equal(delay.delayMs, 0);
});

test('after stop, the delay is no longer measured', (t) => {
  const { delay, tick } = running(t);
  delay.stop();
  tick(300);
  assert.equal(delay.delayMs, 0);
});
