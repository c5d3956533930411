import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heartbeat } from '../../src/redis/heartbeat.ts';

const INTERVAL_MS = 250;
const TIMEOUT_MS = 1000;

const heartbeat = () => new Heartbeat(INTERVAL_MS, TIMEOUT_MS);

test('a link is not alive before its first canary returns', () => {
  const link = heartbeat();
  assert.equal(link.alive(0), false);
  const canary = link.beat(0);
  assert.equal(link.alive(1), false);
  assert.equal(link.arrived(canary, 3), 3);
  assert.equal(link.alive(3), true);
});

test('a canary proves the link alive from the time of sending, not of arrival', () => {
  const link = heartbeat();
  const canary = link.beat(0);
  assert.equal(link.arrived(canary, 700), 700);
  assert.equal(link.alive(750), true);
  assert.equal(link.alive(751), false);
});

test('a beat detects a silent link within the timeout, whenever the link is lost', () => {
  for (let lostAt = 0; lostAt < INTERVAL_MS; lostAt++) {
    const link = heartbeat();
    const canary = link.beat(0);
    // The canary was sent before the loss and returns at once.
    link.arrived(canary, 0);
    let noticedAt = Number.POSITIVE_INFINITY;
    for (let now = INTERVAL_MS; now < 3 * TIMEOUT_MS && noticedAt > now; now += INTERVAL_MS) {
      link.beat(now);
      if (!link.alive(now)) noticedAt = now;
    }
    assert.ok(noticedAt - lostAt <= TIMEOUT_MS, `lost at ${lostAt}, noticed at ${noticedAt}`);
  }
});

test('a link with late canaries stays alive while their delay is within the tolerance', () => {
  const link = heartbeat();
  const late = 400;
  const canaries: [number, number][] = [];
  for (let now = 0; now < 5000; now += 50) {
    if (now % INTERVAL_MS === 0) canaries.push([link.beat(now), now + late]);
    while (canaries[0] !== undefined && canaries[0][1] <= now) link.arrived(canaries.shift()![0], now);
    if (now >= late) assert.equal(link.alive(now), true, `at ${now}`);
  }
});

test('a returned canary replaces earlier canaries, and an older canary is ignored', () => {
  const link = heartbeat();
  const [first, second] = [link.beat(0), link.beat(250)];
  assert.equal(link.arrived(second, 300), 50);
  assert.equal(link.arrived(first, 301), undefined);
  assert.equal(link.alive(1000), true);
  assert.equal(link.alive(1001), false);
});

test('a canary that was never sent or has already returned is ignored', () => {
  const link = heartbeat();
  assert.equal(link.arrived(1, 0), undefined);
  const canary = link.beat(0);
  assert.equal(link.arrived(canary + 1, 0), undefined);
  assert.equal(link.arrived(canary, 0), 0);
  assert.equal(link.arrived(canary, 0), undefined);
});

test('a canary that returns after the tolerance is ignored', () => {
  const link = heartbeat();
  const canary = link.beat(0);
  link.beat(2 * (TIMEOUT_MS - INTERVAL_MS) + 1);
  assert.equal(link.arrived(canary, 2000), undefined);
});

test('after a reset, earlier canaries are ignored', () => {
  const link = heartbeat();
  const [heard, lost] = [link.beat(0), link.beat(10)];
  link.arrived(heard, 1);
  link.reset();
  assert.equal(link.alive(2), false);
  assert.equal(link.arrived(lost, 11), undefined);
  const next = link.beat(20);
  assert.equal(link.arrived(next, 21), 1);
  assert.equal(link.alive(21), true);
});
