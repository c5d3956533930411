import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from '../../src/push/hub.ts';
import { handle } from '../../src/push/requests.ts';
import { openReplica } from '../support/replica.ts';
import { consumerOf, OPEN, REQUEST_LIMITS } from './deps.ts';

/** A socket and what it sends; `state.overloaded` sheds its requests. */
function setUp(limits: Partial<typeof REQUEST_LIMITS> = {}) {
  const { cache, clock, counters } = openReplica();
  const hub = new Hub(cache, assert.ifError);
  const state = { overloaded: false };
  const deps = {
    ...{ cache, clock, counters, hub, access: OPEN, onFault: assert.ifError },
    limits: { ...REQUEST_LIMITS, ...limits },
    overloaded: () => state.overloaded,
  };
  const { consumer, socket } = consumerOf();
  const answer = (data: Record<string, unknown>) => {
    handle(deps, consumer, { data: { id: 1, ...data }, value: () => undefined }, 0);
    return socket.sent.at(-1);
  };
  const register = (keys: readonly string[], first?: unknown) =>
    answer({ op: 'register', keys, ...(first === undefined ? {} : { first }) });
  return { hub, socket, state, answer, register };
}

test('as many keys as the limits allow can be registered in one request', () => {
  const count = 200_000;
  const { hub, socket, register } = setUp({
    ...{ maxBatchKeys: count, maxNames: count, maxTotalNames: count },
  });
  register(Array.from({ length: count }, () => 'a'));
  assert.deepEqual(socket.sent, [{ id: 1, ok: true, first: 0, registered: count }]);
  assert.equal(hub.usage.names, count);
});

test('a register request registers its keys only if the first gets the id that the request expects', () => {
  const { hub, register, answer } = setUp();
  for (const first of [1, -1, 0.5, '0', null, true, [0], {}]) {
    const { code, field } = register(['a', 'b'], first);
    assert.deepEqual([code, field], ['frame_invalid', 'first'], JSON.stringify(first));
  }
  assert.equal(hub.usage.names, 0);
  assert.deepEqual(register(['a', 'b'], 0), { id: 1, ok: true, first: 0, registered: 2 });
  assert.equal(register(['c'], 0).field, 'first');
  assert.equal(register(['c'], 2).first, 2);
  assert.equal(register(['d']).first, 3);
  assert.equal(answer({ op: 'unregister' }).unregistered, 4);
  assert.equal(register(['e'], 4).field, 'first');
  assert.equal(register(['e'], 0).first, 0);
  assert.equal(hub.usage.names, 1);
});

test('after a refused register request, no later one with first gives its ids to other keys', () => {
  const { state, register, answer } = setUp({ maxKeyBytes: 5 });
  assert.equal(register(['a'], 0).first, 0);
  const refusals = [
    [() => register(['too long'], 1), 'key_invalid'],
    [() => register([], 1), 'frame_invalid'],
    [
      () => {
        state.overloaded = true;
        const answered = register(['b'], 1);
        state.overloaded = false;
        return answered;
      },
      'overloaded',
    ],
  ] as const;
  for (const [refused, code] of refusals) {
    assert.equal(refused().code, code);
    assert.equal(register(['c'], 2).field, 'first');
    assert.equal(answer({ op: 'mget', ids: [1] }).field, 'ids[0]');
  }
  assert.equal(register(['b'], 1).first, 1);
  assert.equal(register(['c'], 2).first, 2);
});
