/** `openEvents`, while L2 and the socket are in the hands of the test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Requester } from '../../src/access/requester.ts';
import { CLOSE, type Consumer } from '../../src/push/consumer.ts';
import { type EventsAnswer, openEvents } from '../../src/push/events.ts';
import { Hub } from '../../src/push/hub.ts';
import { settled } from '../support/gated-store.ts';
import { DOWN, openReplica } from '../support/replica.ts';
import { LIMITS, NOBODY, OPEN, REQUEST_LIMITS } from './deps.ts';

/** A stream whose snapshot lists the keys with the prefix `x:`. */
function stream() {
  const { cache, clock, counters, store } = openReplica();
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const hub = new Hub(cache, onFault);
  const consumers = new Set<Consumer>();
  const pieces: string[] = [];
  const answer = {
    unread: 0,
    ended: false,
    onClose: () => {},
    start(piece: string, { onClose }: Parameters<EventsAnswer['start']>[1]) {
      pieces.push(piece);
      this.onClose = onClose;
    },
    write: (piece: string | Uint8Array) => pieces.push(String(piece)) > 0,
    cork: (act: () => void) => act(),
    end() {
      this.ended = true;
      this.onClose();
    },
    close() {
      this.end();
    },
  };
  const deps = {
    ...{ cache, clock, counters, hub, onFault, consumers },
    access: OPEN,
    limits: REQUEST_LIMITS,
    consumerLimits: LIMITS,
    maxConnections: 1,
    draining: () => false,
    overloaded: () => false,
  };
  const open = () =>
    openEvents(deps, answer, {
      interest: { prefixes: ['x:'] },
      lastEventId: '',
      heartbeatMs: 5000,
      owner: NOBODY,
      requester: new Requester(undefined, 'GET /v1/events', OPEN.audit, {
        address: () => '',
        requestId: undefined,
      }),
    });
  return { open, store, answer, pieces, faults, consumers };
}

test('a stream has comments while its snapshot is listed, so that uWS does not take it for idle', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { open, store, answer, pieces } = stream();
  store.hold();
  open();
  await settled();
  const comments = () => pieces.filter((piece) => piece === ':\n').length;
  assert.equal(comments(), 0);
  t.mock.timers.tick(10_000);
  assert.equal(comments(), 2);
  answer.unread = 1;
  t.mock.timers.tick(5000);
  assert.equal(comments(), 2, 'a client that does not read receives no more of them');
  answer.unread = 0;
  await store.next('list').answer();
  assert.match(pieces.at(-2)!, /^event: snapshot\n/);
  assert.match(pieces.at(-1)!, /event: heartbeat\n/);
  t.mock.timers.tick(5000);
  assert.match(pieces.at(-1)!, /event: heartbeat\n/);
  assert.equal(comments(), 2, 'heartbeats take their place');
  answer.end();
});

test('a stream whose keys Redis does not list ends with the reason, and not with an internal error', async () => {
  const { open, store, answer, pieces, faults, consumers } = stream();
  store.fault = DOWN;
  open();
  await settled();
  assert.ok(answer.ended);
  const close = { event: 'close', code: CLOSE.tryAgainLater, reason: DOWN.message };
  assert.equal(pieces.at(-1), `event: close\ndata: ${JSON.stringify(close)}\n\n`);
  assert.deepEqual(faults, []);
  assert.equal(consumers.size, 0);
});

test('a stream that fails for another reason is an internal error', async () => {
  const { open, store, answer, pieces, faults } = stream();
  const cause = new Error('why');
  store.list = () => Promise.reject(cause);
  open();
  await settled();
  assert.ok(answer.ended);
  assert.match(pieces.at(-1)!, /"code":1011/);
  assert.deepEqual(faults, [cause]);
});
