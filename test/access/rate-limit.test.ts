import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits, Principal } from '../../src/access/principal.ts';
import { networkOf, RateLimited, type RateLimitOptions, RateLimits } from '../../src/access/rate-limit.ts';
import { Counters } from '../../src/metrics/counters.ts';

function limits(options: RateLimitOptions = {}) {
  const counters = new Counters();
  const clock = { now: 1000 };
  return { rates: new RateLimits(options, counters, () => clock.now), counters, clock };
}

const principal = (name: string, own: Limits | undefined, via: 'token' | 'jwt' = 'token'): Principal => ({
  name,
  via,
  scopes: new Set(),
  prefixes: undefined,
  expiresAt: Number.POSITIVE_INFINITY,
  limits: own,
  standings: [],
});

/** How many of these requests are allowed. */
function allowed(count: number, request: () => unknown): number {
  let made = 0;
  for (let i = 0; i < count; i++) {
    try {
      request();
      made++;
    } catch (error) {
      assert.ok(error instanceof RateLimited);
    }
  }
  return made;
}

test('a token may send one second of its requests at once, and then its rate', () => {
  const { rates, clock, counters } = limits();
  const desk = principal('desk', { requestsPerSecond: 10 });
  assert.equal(
    allowed(25, () => rates.countPrincipal(desk)),
    10,
  );
  clock.now += 500;
  assert.equal(
    allowed(25, () => rates.countPrincipal(desk)),
    5,
  );
  clock.now += 60_000;
  assert.equal(
    allowed(25, () => rates.countPrincipal(desk)),
    10,
  );
  assert.equal(counters.limited.get('token_requests'), 15 + 20 + 15);
});

test('the wait in the error is as long as the client must wait', () => {
  const { rates, clock } = limits();
  const desk = principal('desk', { requestsPerSecond: 4 });
  allowed(4, () => rates.countPrincipal(desk));
  const error = refusal(() => rates.countPrincipal(desk));
  assert.equal(error.retryAfterMs, 250);
  assert.deepEqual(error.headers, [
    ['Retry-After', '1'],
    ['RateLimit', '"token-requests";r=0;t=1'],
    ['RateLimit-Policy', '"token-requests";q=4;w=1'],
  ]);
  clock.now += 249;
  assert.equal(refusal(() => rates.countPrincipal(desk)).retryAfterMs, 1);
  clock.now += 1;
  assert.equal(
    allowed(2, () => rates.countPrincipal(desk)),
    1,
  );
});

test('a body larger than a second of the rate is allowed, and the next request waits for all of it', () => {
  const { rates, clock } = limits();
  const desk = principal('desk', { bytesPerSecond: 1000 });
  rates.countPrincipal(desk)!(5000);
  assert.equal(refusal(() => rates.countPrincipal(desk)).retryAfterMs, 4001);
  clock.now += 4001;
  rates.countPrincipal(desk);
});

test('tokens, subjects of JWTs and addresses are counted separately, and a new limit applies at once', () => {
  const { rates } = limits({ addressRequestsPerSecond: 3 });
  const own = { requestsPerSecond: 2 };
  for (const each of [principal('a', own), principal('b', own), principal('a', own, 'jwt')])
    assert.equal(
      allowed(9, () => rates.countPrincipal(each)),
      2,
    );
  assert.equal(
    allowed(9, () => rates.countPrincipal({ ...principal('a', own) })),
    0,
    'another token of one name',
  );
  assert.equal(
    allowed(9, () => rates.countPrincipal(principal('a', { requestsPerSecond: 5 }))),
    5,
  );
  for (const network of ['x', 'y'])
    assert.equal(
      allowed(9, () => rates.countAddress(network)),
      3,
    );
});

test('a principal or a service without limits is not limited', () => {
  const { rates } = limits();
  assert.equal(rates.limitsAddresses, false);
  assert.equal(
    allowed(99, () => rates.countAddress('x')),
    99,
  );
  assert.equal(
    allowed(99, () => rates.countPrincipal(principal('a', undefined))),
    99,
  );
  assert.equal(
    allowed(99, () => rates.countPrincipal(principal('a', {}))),
    99,
  );
});

test('the limits of addresses can be set, changed and removed', () => {
  const { rates } = limits();
  const ask = () => allowed(10, () => rates.countAddress('a'));
  assert.equal(rates.limitsAddresses, false);
  rates.limitAddresses({ addressRequestsPerSecond: 1 });
  assert.equal(rates.limitsAddresses, true);
  assert.equal(ask(), 1);
  rates.limitAddresses({ addressRequestsPerSecond: 1 });
  assert.equal(ask(), 0, 'the same limit keeps what was counted');
  rates.limitAddresses({ addressRequestsPerSecond: 2 });
  assert.equal(ask(), 2);
  rates.limitAddresses({});
  assert.equal(rates.limitsAddresses, false);
  assert.equal(ask(), 10);
});

test('at most 50,000 addresses are remembered', () => {
  const { rates } = limits({ addressRequestsPerSecond: 1 });
  rates.countAddress('first');
  assert.equal(
    allowed(1, () => rates.countAddress('first')),
    0,
  );
  for (let i = 0; i < 49_999; i++) rates.countAddress(`other ${i}`);
  assert.equal(
    allowed(1, () => rates.countAddress('first')),
    0,
  );
  rates.countAddress('one more');
  assert.equal(
    allowed(1, () => rates.countAddress('first')),
    1,
  );
});

test('an IPv6 network of 64 bits is one client, and a mapped IPv4 address is that address', () => {
  const of = (...bytes: number[]) => networkOf(Uint8Array.from(bytes).buffer);
  const v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 1];
  const rest = [0, 0, 0, 0, 0, 0, 0];
  assert.equal(of(...v6, ...rest, 1), of(...v6, ...rest, 2));
  assert.notEqual(of(...v6, ...rest, 1), of(...v6.with(7, 2), ...rest, 1));
  assert.equal(of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1), of(10, 0, 0, 1));
  assert.notEqual(of(10, 0, 0, 1), of(10, 0, 0, 2));
});

function refusal(request: () => unknown): RateLimited {
  try {
    request();
  } catch (error) {
    assert.ok(error instanceof RateLimited);
    return error;
  }
  throw new Error('the request was allowed');
}
