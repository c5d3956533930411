import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { originOf } from '../../src/cache/origin.ts';
import { ServiceError } from '../../src/errors.ts';
import type { RequestDeps } from '../../src/push/deps.ts';
import { jsonCodec } from '../../src/push/json-codec.ts';
import { handle } from '../../src/push/requests.ts';
import { json, NOW } from '../support/replica.ts';
import type { Message } from '../support/ws-client.ts';
import { consumerOf, entryOf, OPEN, UNLIMITED } from './deps.ts';

const DOCUMENT = readFileSync(new URL('../../docs/websocket.md', import.meta.url), 'utf8');
const FRAMES = [...DOCUMENT.matchAll(/```json\n(.*?)```/gs)].flatMap(([, block]) =>
  block!.trim().split('\n'),
);
const KEY = 'borrow_rate:AAPL';

/** The names of the members of a frame in order, at every depth. Values of clients are left out. */
function shapeOf(frame: unknown): string {
  if (Array.isArray(frame)) return `[${[...new Set(frame.map(shapeOf))].sort()}]`;
  if (typeof frame !== 'object' || frame === null) return '';
  const members = Object.entries(frame).map(([name, value]) =>
    name === 'value' ? name : name + shapeOf(value),
  );
  return `{${members}}`;
}

/** Encodes the content of a frame of the document again with the present codec. */
function emitted(frame: Message): string {
  const { asOf, source, age } = frame;
  const entry = entryOf(KEY, 1, json('{}'), originOf(asOf, source));
  const { id, event, key, code, detail, field, reason, merged = 0, coherence = 'coherent', status } = frame;
  const { quality, qualityReason } = frame;
  const remarks = quality && { quality, qualityReason };
  const resultOf = (item: Message) => ({ ...item, entry }) as never;
  if (event === 'update') return String(jsonCodec.update(key, entry, 300, merged, code));
  if (event === 'heartbeat')
    return String(jsonCodec.heartbeat({ coherence, time: NOW, epoch: '', offset: 0 }));
  if (event === 'reset') return String(jsonCodec.reset(reason));
  if (event === 'invalidate' && key !== undefined)
    return String(jsonCodec.invalidate(key, reason, merged, remarks));
  if (event === 'invalidate') {
    const { pattern, type } = frame;
    return String(jsonCodec.invalidateMatch(pattern === undefined ? { type } : { pattern }, reason));
  }
  if (age !== undefined)
    return String(jsonCodec.item(id, { key, status: 'error', code, detail, age }, NOW, coherence));
  if (!frame.ok) return String(jsonCodec.failed(id ?? undefined, new ServiceError(code, detail, field)));
  if (frame.snapshot) {
    const items = frame.snapshot.map((item: Message) => ('code' in item ? item : { key: item.key, entry }));
    return String(
      jsonCodec.snapshot(id, {
        items,
        values: true,
        now: NOW,
        resumed: frame.resumed,
        more: frame.more === true,
        coherence,
      }),
    );
  }
  if (frame.results)
    return String(jsonCodec.results(id, frame.results.map(missOrHit(resultOf)), NOW, coherence, UNLIMITED));
  if (status === 'hit') return String(jsonCodec.item(id, resultOf({ key, status }), NOW, coherence));
  if (status === 'miss')
    return String(jsonCodec.item(id, { key, status, ...(code && { code }) }, NOW, coherence));
  const { ok: _ok, id: _id, ...fields } = frame;
  return String(jsonCodec.done(id, Object.keys(fields).length === 0 ? undefined : fields));
}

function missOrHit(hit: (item: Message) => never) {
  return (item: Message) => (item.status === 'hit' ? hit({ key: item.key, status: 'hit' }) : item);
}

test('every frame in the document has the members that the codec writes, in the same order', () => {
  const shown = FRAMES.map((line) => JSON.parse(line)).filter((frame) => !('op' in frame));
  assert.ok(shown.length > 15);
  for (const frame of shown)
    assert.equal(shapeOf(frame), shapeOf(JSON.parse(emitted(frame))), JSON.stringify(frame));
});

test('the document shows exactly the requests that the service knows', () => {
  const shown = FRAMES.map((line) => JSON.parse(line)).filter((frame) => 'op' in frame);
  const known = [
    ...['auth', 'get', 'mget', 'register', 'unregister', 'set', 'delete'],
    ...['subscribe', 'unsubscribe', 'ping', 'heartbeat'],
  ];
  assert.deepEqual([...new Set(shown.map(({ op }) => op))], known);
  const { consumer, socket } = consumerOf();
  handle(
    { access: OPEN } as RequestDeps,
    consumer,
    { data: { id: 1, op: 'none' }, value: () => undefined },
    0,
  );
  assert.equal(socket.sent[0].detail, `expected one of ${known.join(', ')}`);
});
