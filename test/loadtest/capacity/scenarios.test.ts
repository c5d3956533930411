import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mixOf, SCENARIOS, scenariosNamed } from '../../../loadtest/capacity/scenarios.ts';

test('there is a scenario for each of the ways in which the service is read', () => {
  assert.deepEqual(
    SCENARIOS.map(({ name }) => name),
    ['l1', 'l2', 'mget', 'websocket'],
  );
  assert.throws(() => scenariosNamed(['l1', 'l3']), /no scenario is named l3; there are l1, l2/);
});

test('a mix takes its parts, the data that they need and the variables of the service from a file', () => {
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

test('a mix that only writes has no hits to gate', () => {
  const { profile } = mixOf('mix.json', { parts: [{ op: 'set', share: 1 }] });
  assert.ok(!profile.gates.includes('hits'));
});

for (const [fault, mix] of [
  ['is no JSON object', 7],
  ['`parts` is no list', {}],
  ['`op` is none of', { parts: [{ op: 'scan', share: 1 }] }],
  ['`share` is no number', { parts: [{ op: 'get', share: '1' }] }],
  ['`over` is neither', { over: 'udp', parts: [{ op: 'get', share: 1 }] }],
  ['not to be had over WebSocket', { over: 'websocket', parts: [{ op: 'invalidate', share: 1 }] }],
] as const) {
  test(`a mix is refused with what is wrong: ${fault}`, () => {
    assert.throws(() => mixOf('mix.json', mix), new RegExp(`mix.json: .*${fault}`));
  });
}
