import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { OPERATION_NAMES } from '../../src/push/requests.ts';
import { connectWs, type Message } from '../support/ws-client.ts';
import { fencesOf } from './markdown.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const document = parse(read('asyncapi.yaml'));
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false });
ajv.addVocabulary([
  'asyncapi',
  'info',
  'defaultContentType',
  'servers',
  'channels',
  'operations',
  'components',
]);
ajv.addSchema(document, 'asyncapi');

const kindOf = (frame: Message) => ('op' in frame ? 'request' : 'event' in frame ? 'event' : 'answer');

function assertValid(frame: Message): void {
  const validate = ajv.getSchema(`asyncapi#/components/schemas/${kindOf(frame)}`)!;
  assert.ok(validate(frame), `${JSON.stringify(frame)}: ${ajv.errorsText(validate.errors)}`);
}

let service: Service;

before(async () => {
  service = await startService({ standalone: true, env: { OVERLOAD_LOOP_DELAY_MS: '0' } });
});

after(() => service?.stop());

test('every frame of docs/websocket.md is valid', () => {
  const frames = fencesOf(read('websocket.md'))
    .filter(({ language }) => language === 'json')
    .flatMap(({ text }) => text.trim().split('\n'))
    .map((line) => JSON.parse(line) as Message);
  assert.ok(frames.length > 30);
  for (const frame of frames) assertValid(frame);
});

test('the document has every operation of the service, and no other', () => {
  const names = document.components.schemas.request.oneOf.map(({ $ref }: { $ref: string }) =>
    $ref.split('/').at(-1),
  );
  assert.deepEqual(names.sort(), [...OPERATION_NAMES].sort());
  for (const name of names) assert.equal(document.components.schemas[name].properties.op.const, name);
});

test('the frames of a service are valid, and a request is valid exactly if the service accepts it', async (t) => {
  const ws = await connectWs(service);
  t.after(() => ws.close());
  const requests: readonly (readonly [accepted: boolean, request: Message])[] = [
    [true, { op: 'set', key: 'a', value: null, ttl: 10 }],
    [true, { op: 'set', key: 'a', value: 1, idempotencyKey: 'a'.repeat(128) }],
    [false, { op: 'set', key: 'a', value: 1, idempotencyKey: 'a'.repeat(129) }],
    [false, { op: 'delete', key: 'a', idempotencyKey: 'two words' }],
    [true, { op: 'set', key: 'a', value: 1, asOf: 1_506_514_800_250, source: 'ibkr', ifNewer: true }],
    [true, { op: 'get', key: 'a' }],
    [true, { op: 'get', key: 'a', maxAge: 1e9, minFresh: 0.5 }],
    [true, { op: 'mget', keys: ['a', 'b'] }],
    [true, { op: 'register', keys: ['a', 'b'] }],
    [true, { op: 'register', keys: ['a'], first: 2 }],
    [false, { op: 'register', keys: ['a'], first: -1 }],
    [false, { op: 'register', keys: ['a'], first: '3' }],
    [true, { op: 'mget', keys: ['a'], maxAge: 0, noCache: true, onlyIfCached: true }],
    [true, { op: 'subscribe', keys: ['a'], values: true, interval: 1, resume: { epoch: 'a', offset: 0 } }],
    [true, { op: 'heartbeat', interval: 100 }],
    [true, { op: 'delete', key: 'a', ifExists: true }],
    [true, { op: 'ping' }],
    [true, { op: 'unsubscribe' }],
    [false, { op: 'set', key: 'a', value: 1, ifabsent: true }],
    [false, { op: 'set', key: 'a', value: 1, ifNewer: true }],
    [false, { op: 'set', key: 'a', value: 1, asOf: 0 }],
    [false, { op: 'set', key: 'a', value: 1, source: 'a b' }],
    [false, { op: 'get', key: 'a', maxAge: -1 }],
    [false, { op: 'mget', keys: ['a'], noCache: false }],
    [false, { op: 'subscribe', values: true }],
    [false, { op: 'subscribe', keys: ['a'], interval: 0 }],
    [false, { op: 'subscribe', keys: ['a'], resume: { epoch: 'a' } }],
    [false, { op: 'heartbeat', interval: 1 }],
    [false, { op: 'get' }],
  ];
  const validate = ajv.getSchema('asyncapi#/components/schemas/request')!;
  for (const [i, [accepted, request]] of requests.entries()) {
    const frame = { id: i, ...request };
    assert.equal(validate(frame), accepted, JSON.stringify(frame));
    const { ok, code } = await ws.request(request.op, frame);
    assert.equal(ok, accepted, `${JSON.stringify(frame)}: ${code}`);
  }
  await ws.nextEvent(({ event }) => event === 'heartbeat');
  for (const frame of ws.frames) assertValid(frame);
});
