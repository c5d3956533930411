import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../src/push/state.ts';
import { json, TYPE_TTL_MS } from '../support/replica.ts';
import { consumerOf, entryOf, versionOf } from './deps.ts';

const stateOf = (key: string, number: number) => new State(key, entryOf(key, number), 'set', 0);
const deliver = (...states: State[]) => states.map((state) => [state, true] as const);
const update = (key: string, number: number, merged?: number) => ({
  event: 'update',
  key,
  version: versionOf(number),
  ttl: TYPE_TTL_MS / 1000,
  value: number,
  ...(merged === undefined ? {} : { merged }),
});
const RESET = '{"event":"reset","reason":"flush"}';
const unchanged = (state: State) => state;
const invalidate = (key: string) => ({ event: 'invalidate', key, reason: 'delete' });

test('a push is sent at once while the socket has no back pressure', () => {
  const { consumer, socket, counters } = consumerOf();
  consumer.deliver(deliver(stateOf('a', 1), stateOf('b', 2)));
  consumer.deliver(deliver(stateOf('a', 3)));
  assert.deepEqual(socket.sent, [update('a', 1), update('b', 2), update('a', 3)]);
  assert.equal(counters.wsPushes, 3);
  assert.equal(counters.wsConflated, 0);
});

test('under back pressure no further frame is sent, and only the newest state of each key is queued', () => {
  const { consumer, socket, counters, drain } = consumerOf();
  socket.blocked = true;
  consumer.deliver(deliver(stateOf('a', 1), stateOf('b', 2)));
  assert.deepEqual(socket.sent, [update('a', 1)], 'the rest of the delivery is queued');
  for (let number = 3; number < 100; number++) consumer.deliver(deliver(stateOf('c', number)));
  consumer.deliver(deliver(stateOf('b', 100)));
  assert.equal(socket.sent.length, 1);
  drain();
  assert.deepEqual(socket.sent.slice(1), [update('b', 100, 1), update('c', 99, 96)]);
  assert.equal(counters.wsConflated, 97);
  consumer.deliver(deliver(stateOf('a', 101)));
  assert.deepEqual(socket.sent.at(-1), update('a', 101), 'after a drain, pushes are sent at once again');
});

test('a client that reads a little gets one more frame, and the rest stays queued in order', () => {
  const { consumer, socket, drain } = consumerOf();
  socket.blocked = true;
  consumer.deliver(deliver(...['a', 'b', 'c', 'd'].map((key, i) => stateOf(key, i))));
  socket.buffered = 0;
  // `blocked` still: the next frame fills the buffer again.
  consumer.onDrain(0);
  assert.deepEqual(socket.sent, [update('a', 0), update('b', 1)]);
  consumer.onDrain(0);
  assert.equal(socket.sent.length, 2, 'nothing is sent while the buffer is not empty');
  drain();
  assert.deepEqual(socket.sent.slice(2), [update('c', 2), update('d', 3)]);
});

test('a client is closed with 1013 when the number of queued keys exceeds maxPendingKeys', () => {
  const { consumer, socket, counters } = consumerOf({ limits: { maxPendingKeys: 3 } });
  socket.blocked = true;
  consumer.deliver(deliver(...['a', 'b', 'c', 'd'].map((key, i) => stateOf(key, i))));
  for (let number = 10; number < 20; number++) consumer.deliver(deliver(stateOf('b', number)));
  assert.equal(socket.ended, undefined);
  consumer.deliver(deliver(stateOf('e', 20)));
  assert.deepEqual(socket.ended, { code: 1013, reason: 'too many keys are queued' });
  assert.equal(counters.wsSlowCloses, 1);
  assert.equal(consumer.closed, true);
  consumer.deliver(deliver(stateOf('f', 21)));
  consumer.reset(RESET);
  consumer.reply('{}');
  consumer.onDrain(0);
  assert.equal(socket.sent.length, 1, 'nothing is sent to a closed socket');
});

test('a client that reads nothing for stallMs is closed with 1013, and a client that reads a little is not', () => {
  const { consumer, socket, counters } = consumerOf({ limits: { stallMs: 1000 } });
  const start = performance.now();
  consumer.checkStall(start + 1e9);
  assert.equal(socket.ended, undefined, 'an empty queue is not a stall');
  socket.blocked = true;
  consumer.deliver(deliver(stateOf('a', 1)));
  const blockedAt = performance.now();
  consumer.checkStall(start + 1000);
  assert.equal(socket.ended, undefined);
  consumer.onDrain(blockedAt + 900);
  consumer.checkStall(blockedAt + 1800);
  assert.equal(socket.ended, undefined, 'the client read a part');
  consumer.checkStall(blockedAt + 1901);
  assert.deepEqual(socket.ended, { code: 1013, reason: 'the client reads nothing' });
  assert.equal(counters.wsSlowCloses, 1);
  consumer.checkStall(blockedAt + 1e9);
  assert.equal(counters.wsSlowCloses, 1);
});

test('a client that reads no replies is closed as stalled, also during a snapshot', () => {
  const { consumer, socket } = consumerOf({ limits: { stallMs: 1000 } });
  socket.blocked = true;
  consumer.hold();
  consumer.reply('{"id":1,"ok":true}');
  consumer.checkStall(performance.now() + 1001);
  assert.equal(socket.endCode, 1013);
});

test('replies are never queued, and too many unread replies close the client with 1013', () => {
  const { consumer, socket, counters } = consumerOf();
  socket.blocked = true;
  const answer = JSON.stringify({ id: 1, ok: true, filler: 'x'.repeat(1024 * 1024) });
  for (let i = 0; i < 4; i++) {
    assert.equal(socket.ended, undefined);
    consumer.reply(answer);
  }
  assert.equal(socket.ended, undefined, 'a single reply may exceed the limit');
  consumer.reply(answer);
  assert.equal(socket.endCode, 1013);
  assert.equal(counters.wsSlowCloses, 1);
});

test('pushes wait for a snapshot, and states that the snapshot contained are not sent', () => {
  const { consumer, socket } = consumerOf();
  consumer.hold();
  consumer.deliver(deliver(stateOf('same', 1), stateOf('newer', 2), stateOf('back', 3)));
  consumer.deliver([[new State('gone', undefined, 'delete', 0), true]]);
  consumer.deliver([[new State('again', undefined, 'delete', 0), true]]);
  consumer.deliver([[stateOf('valueless', 4), true]]);
  assert.deepEqual(socket.sent, []);
  consumer.settle('same', versionOf(1), true);
  consumer.settle('newer', versionOf(1), true);
  consumer.settle('back', versionOf(9), true);
  consumer.settle('gone', undefined, true);
  consumer.settle('again', versionOf(5), true);
  consumer.settle('valueless', versionOf(4), false);
  consumer.settle('unheard-of', versionOf(4), true);
  consumer.release();
  assert.deepEqual(socket.sent, [
    update('newer', 2),
    // A higher version is not always newer: values of other programs have a low version.
    update('back', 3),
    { event: 'invalidate', key: 'again', reason: 'delete' },
    update('valueless', 4),
  ]);
});

test('pushes wait for both of two concurrent snapshots', () => {
  const { consumer, socket } = consumerOf();
  consumer.hold();
  consumer.hold();
  consumer.deliver(deliver(stateOf('a', 1)));
  consumer.release();
  assert.deepEqual(socket.sent, []);
  consumer.release();
  assert.deepEqual(socket.sent, [update('a', 1)]);
});

test('maxPendingKeys counts the keys queued after a snapshot, not the keys that wait for it', () => {
  const { consumer, socket } = consumerOf({ limits: { maxPendingKeys: 2 } });
  consumer.hold();
  consumer.deliver(deliver(...['a', 'b', 'c'].map((key) => stateOf(key, 1))));
  assert.equal(socket.ended, undefined);
  consumer.settle('a', versionOf(1), true);
  consumer.release();
  assert.equal(socket.sent.length, 2);
  socket.blocked = true;
  consumer.reply('{}');
  consumer.hold();
  consumer.deliver(deliver(...['a', 'b', 'c'].map((key) => stateOf(key, 2))));
  assert.equal(socket.ended, undefined);
  consumer.release();
  assert.equal(socket.endCode, 1013);
});

test('a reset discards queued states, and is sent before later states', () => {
  const { consumer, socket, drain } = consumerOf();
  socket.blocked = true;
  consumer.deliver(deliver(stateOf('a', 1), stateOf('b', 2)));
  for (let i = 0; i < 100; i++) consumer.reset(RESET);
  consumer.deliver(deliver(stateOf('c', 3)));
  assert.equal(socket.sent.length, 1, 'many resets do not fill the buffer');
  drain();
  assert.deepEqual(socket.sent.slice(1), [{ event: 'reset', reason: 'flush' }, update('c', 3)]);
});

test('a reset during a snapshot is sent after it, and later states are sent even if the snapshot contained them', () => {
  const { consumer, socket } = consumerOf();
  consumer.hold();
  consumer.reset(RESET);
  consumer.deliver(deliver(stateOf('a', 1)));
  consumer.reply('{"id":1,"ok":true,"snapshot":[]}');
  consumer.settle('a', versionOf(1), true);
  consumer.release();
  assert.deepEqual(socket.sent, [
    { id: 1, ok: true, snapshot: [] },
    { event: 'reset', reason: 'flush' },
    update('a', 1),
  ]);
});

test('a notice is not sent before queued states, and makes the queued values that it covers deletions', () => {
  const { consumer, socket, drain } = consumerOf();
  consumer.notify('v', '{"event":"invalidate","pattern":"v:*","reason":"delete"}', unchanged);
  assert.equal(socket.sent.length, 1);
  socket.blocked = true;
  consumer.deliver(deliver(stateOf('x', 0), stateOf('v:1', 1), stateOf('v:2', 1), stateOf('w:1', 2)));
  const after = (state: State) => (state.key.startsWith('v:') ? state.obsolete('delete') : state);
  consumer.notify('v', '{"event":"invalidate","pattern":"v:*","reason":"delete"}', after);
  consumer.deliver(deliver(stateOf('v:1', 3)));
  drain();
  assert.deepEqual(socket.sent.slice(2), [
    { event: 'invalidate', pattern: 'v:*', reason: 'delete' },
    update('v:1', 3, 1),
    invalidate('v:2'),
    update('w:1', 2),
  ]);
});

test('after a snapshot from before a notice, the client has no older value of a key that the notice covers', () => {
  for (const interval of [0, 60_000]) {
    const { consumer, socket } = consumerOf();
    consumer.deliver([[stateOf('v:1', 0), true, interval]]);
    consumer.hold();
    // The snapshot has read 1. With an interval, the later states wait until their time has come.
    for (const number of [2, 3]) consumer.deliver([[stateOf('v:1', number), true, interval]]);
    consumer.notify('v', '{"event":"invalidate","pattern":"v:*","reason":"input"}', (state) =>
      state.obsolete('delete'),
    );
    consumer.sendNotices();
    consumer.reply('{"id":1,"ok":true,"snapshot":["v:1"]}');
    consumer.settle('v:1', versionOf(1), true);
    consumer.release();
    assert.deepEqual(socket.sent.slice(3), interval > 0 ? [] : [{ ...invalidate('v:1'), merged: 1 }]);
    assert.equal(consumer.isPaced, interval > 0);
    consumer.onClose();
  }
});

test('a state that changes during a snapshot within its interval is sent once, as the newest', () => {
  const { consumer, socket } = consumerOf();
  consumer.hold();
  for (const number of [1, 2]) consumer.deliver([[stateOf('a', number), true, 60_000]]);
  consumer.reply('{"id":1,"ok":true,"snapshot":["a=2"]}');
  consumer.settle('a', versionOf(2), true);
  consumer.release();
  assert.deepEqual(socket.sent, [{ id: 1, ok: true, snapshot: ['a=2'] }]);
  consumer.onClose();
});

test('a value that waits for its interval is not settled by a snapshot without values', () => {
  const { consumer } = consumerOf();
  for (const number of [1, 2]) consumer.deliver([[stateOf('a', number), true, 60_000]]);
  consumer.settle('a', versionOf(2), false);
  assert.ok(consumer.isPaced);
  consumer.settle('a', versionOf(2), true);
  assert.ok(!consumer.isPaced);
  consumer.onClose();
});

test('a long snapshot waits until the client has read the previous part or has disconnected', async () => {
  const { consumer, socket } = consumerOf();
  await consumer.writable();
  socket.buffered = 1;
  const writable = consumer.writable();
  assert.equal(await Promise.race([writable, new Promise((r) => setImmediate(r, 'waits'))]), 'waits');
  socket.buffered = 0;
  await writable;
  socket.buffered = 1;
  const gone = consumer.writable();
  consumer.onClose();
  await gone;
});

test('a subscription without values receives no value', () => {
  const { consumer, socket } = consumerOf();
  const state = new State('a', entryOf('a', 1, json('{"rate":1}')), 'set', 0);
  consumer.deliver([[state, false]]);
  assert.deepEqual(socket.sent, [{ event: 'invalidate', key: 'a', reason: 'set' }]);
});

test('no heartbeat overtakes queued states', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { consumer, socket, drain } = consumerOf();
  consumer.beat(100, () => Buffer.from('"beat"'));
  assert.equal(socket.frames.length, 1);
  consumer.hold();
  t.mock.timers.tick(100);
  assert.equal(socket.frames.length, 1, 'a snapshot is in progress');
  consumer.release();
  t.mock.timers.tick(100);
  assert.equal(socket.frames.length, 2);
  socket.blocked = true;
  consumer.deliver([[stateOf('a', 1), true]]);
  t.mock.timers.tick(300);
  assert.equal(socket.frames.length, 3, 'the client is slow');
  drain();
  t.mock.timers.tick(100);
  assert.equal(socket.frames.length, 4);
  consumer.onClose();
  t.mock.timers.tick(1000);
  assert.equal(socket.frames.length, 4, 'the client has disconnected');
});

test('no heartbeat is sent if the states of its turn fill the socket', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { consumer, socket, drain } = consumerOf();
  let states = [stateOf('a', 1), stateOf('b', 2)];
  const beat = () => {
    consumer.deliver(deliver(...states));
    return Buffer.from('"beat"');
  };
  socket.blocked = true;
  consumer.beat(100, beat);
  assert.deepEqual(
    socket.sent,
    [update('a', 1)],
    'the other state is queued, and would arrive after the beat',
  );
  states = [];
  drain();
  t.mock.timers.tick(100);
  assert.deepEqual(socket.sent.slice(1, 2), [update('b', 2)]);
  assert.equal(String(socket.frames.at(-1)), '"beat"');
  consumer.onClose();
});

test('a state that waited is sent with the TTL that is left', () => {
  const { consumer, socket, drain, clock } = consumerOf();
  socket.blocked = true;
  consumer.deliver([[stateOf('first', 1), true]]);
  const state = stateOf('a', 1);
  const { ttl } = JSON.parse(String(state.frame(consumer.codec, true, 0, clock.now)));
  consumer.deliver([[state, true]]);
  clock.now += 7000;
  drain();
  assert.equal(socket.sent.at(-1).ttl, ttl - 7);
});
