import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Reconnector } from '../../src/redis/reconnector.ts';

/** Connections of one process under a mocked clock; `reachable` returns whether the server accepts a connection. */
function simulated(t: TestContext, reachable: (name: string) => boolean) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const reconnector = new Reconnector(() => 0);
  const attempts: string[] = [];
  const pauses: number[] = [];
  const open = (name: string) => {
    const member = reconnector.join();
    let timer: NodeJS.Timeout | undefined;
    const attempt = () => {
      timer = undefined;
      attempts.push(name);
      if (reachable(name)) member.ready();
      else pause();
    };
    const pause = () => {
      const ms = member.broken();
      pauses.push(ms);
      timer = setTimeout(attempt, ms);
    };
    member.retryNow = () => {
      if (timer === undefined) return;
      clearTimeout(timer);
      attempt();
    };
    attempt();
    return { member, pause };
  };
  // In steps, because the mocked clock starts a timer set during a tick only at the end of that tick.
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) t.mock.timers.tick(10);
  };
  return { reconnector, attempts, pauses, open, pass };
}

test('when one connection becomes ready, unconnected ones retry at once', (t) => {
  let reachable = false;
  const { open, pass } = simulated(t, () => reachable);
  const members = ['data', 'admin', 'link'].map((name) => open(name).member);
  pass(100_000);
  assert.ok(members.every(({ up }) => !up));
  reachable = true;
  let waited = 0;
  while (!members.some(({ up }) => up)) {
    pass(10);
    waited += 10;
    assert.ok(waited <= 30_000);
  }
  assert.ok(members.every(({ up }) => up));
});

test('while no connection works, pauses grow to 30 s', (t) => {
  const { open, pauses, pass } = simulated(t, () => false);
  open('data');
  pass(300_000);
  assert.equal(Math.max(...pauses), 30_000);
  assert.deepEqual(
    pauses,
    pauses.toSorted((a, b) => a - b),
  );
});

test('no pause exceeds 2 s while any connection works', (t) => {
  const { open, pauses, pass } = simulated(t, (name) => name === 'data');
  open('data');
  open('link');
  pass(300_000);
  assert.equal(Math.max(...pauses), 2000);
});

test('a connection that was ready and broke keeps its pause when another becomes ready', (t) => {
  const { open, attempts } = simulated(t, () => true);
  const data = open('data');
  const link = open('link');
  for (let round = 0; round < 100; round++) {
    data.member.ready();
    data.pause();
    link.member.ready();
  }
  assert.deepEqual(attempts, ['data', 'link']);
});

test('pauses of a connection that needs a proof grow until it is proved', () => {
  const link = new Reconnector(() => 0).join('user');
  const round = () => {
    link.ready();
    return link.broken();
  };
  assert.deepEqual([round(), round(), round()], [100, 200, 400]);
  link.ready();
  link.proved();
  assert.equal(link.broken(), 100);
});

test('in a hurry, every connection retries at once with pauses of at most 100 ms', (t) => {
  const { reconnector, open, attempts, pauses, pass } = simulated(t, () => false);
  open('data');
  open('link');
  pass(100_000);
  const before = attempts.length;
  pauses.length = 0;
  reconnector.hurry();
  assert.equal(attempts.length, before + 2);
  pass(10_000);
  assert.ok(pauses.length > 100);
  assert.equal(Math.max(...pauses), 100);
});
