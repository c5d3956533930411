import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from '../../src/push/hub.ts';
import { handle } from '../../src/push/requests.ts';
import { openReplica } from '../support/replica.ts';
import { consumerOf, OPEN, REQUEST_LIMITS } from './deps.ts';

test('as many keys as the limits allow can be registered in one request', () => {
  const count = 200_000;
  const { cache, clock, counters } = openReplica();
  const hub = new Hub(cache, assert.ifError);
  const limits = { ...REQUEST_LIMITS, maxBatchKeys: count, maxNames: count, maxTotalNames: count };
  const deps = {
    cache,
    clock,
    counters,
    hub,
    access: OPEN,
    limits,
    onFault: assert.ifError,
    overloaded: () => false,
  };
  const { consumer, socket } = consumerOf();
  const keys = Array.from({ length: count }, () => 'a');
  handle(deps, consumer, { data: { id: 1, op: 'register', keys }, value: () => undefined }, 0);
  assert.deepEqual(socket.sent, [{ id: 1, ok: true, first: 0, registered: count }]);
  assert.equal(hub.usage.names, count);
});
