import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mixOf, SCENARIOS, scenariosNamed } from '../../../loadtest/capacity/scenarios.ts';

test('each way to read the service has a scenario', () => {
  assert.deepEqual(
    SCENARIOS.map(({ name }) => name),
    ['l1', 'l2', 'mget', 'websocket'],
  );
  assert.throws(() => scenariosNamed(['l1', 'l3']), /unknown scenario l3; known are l1, l2/);
});

test('a mix reads its parts, their data and the variables of the service from a file', () => {
  const { profile, question } = mixOf('mix.json', {
    symbols: 50,
    parts: [
      { op: 'quote', share: 9, draw: 'uniform' },
      { op: 'set', share: 1, type: 'volatility' },
    ],
    env: { LOCAL_CACHE_MAX_SIZE: 7 },
  });
  assert.equal(profile.data.symbols, 50);
  assert.equal(profile.data.types.length, 5);
  assert.equal(profile.env?.LOCAL_CACHE_MAX_SIZE, '7');
  assert.deepEqual(profile.traffic, {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'quote', share: 9, draw: 'uniform', type: 'borrow_rate' },
      { op: 'set', share: 1, draw: 'zipf', type: 'volatility' },
    ],
  });
  assert.match(question, /9 quote, 1 set/);
});

test('a mix that only writes has no gate on hits', () => {
  const { profile } = mixOf('mix.json', { parts: [{ op: 'set', share: 1 }] });
  assert.ok(!profile.gates.includes('hits'));
});

for (const [fault, mix] of [
  ['must contain a JSON object', 7],
  ['`parts` must be a list', {}],
  ['`op` must be one of', { parts: [{ op: 'scan', share: 1 }] }],
  ['`share` must be a number', { parts: [{ op: 'get', share: '1' }] }],
  ['`over` must be http or websocket', { over: 'udp', parts: [{ op: 'get', share: 1 }] }],
  ['not available over WebSocket', { over: 'websocket', parts: [{ op: 'invalidate', share: 1 }] }],
] as const) {
  test(`an invalid mix is refused: ${fault}`, () => {
    assert.throws(() => mixOf('mix.json', mix), new RegExp(`mix.json: .*${fault}`));
  });
}
