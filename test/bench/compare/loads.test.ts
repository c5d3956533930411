import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pack } from 'msgpackr';
import { allocating } from '../../../bench/compare/loads/allocating.ts';
import { paced } from '../../../bench/compare/loads/paced.ts';
import { webSocket } from '../../../bench/compare/loads/websocket.ts';
import { measure } from '../../../bench/compare/measure.ts';
import { bareUwsTelling, imitationOf } from '../../../bench/peers/bare-uws/peer.ts';
import type { Running } from '../../../bench/peers/peer.ts';

const HEAD =
  'HTTP/1.1 200 OK\r\nETag: "1"\r\nAge: 3\r\nDate: now\r\nuWebSockets: 20\r\nContent-Length: 2\r\n\r\n';
const SECONDS = 0.2;

let bare: Running;

before(async () => {
  bare = await bareUwsTelling.start();
});
after(() => bare?.stop());

const sockets = (protocol: string, request: string | Buffer) =>
  webSocket({ protocol, requests: () => [request, request], connections: 2, inFlight: 2, check: () => {} });

test('an answer is imitated by its own header lines, without those that uWebSockets.js writes itself', () => {
  assert.deepEqual(imitationOf(Buffer.from(`${HEAD}{}`)), {
    headers: [
      ['ETag', '"1"'],
      ['Age', '3'],
    ],
    body: '{}',
  });
});

test('what is imitated over HTTP is as long as the model', async () => {
  const model = Buffer.from(`${HEAD.replace('now', new Date().toUTCString())}{}`);
  await bare.imitate!(model);
  const load = paced({ requests: () => ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'], connections: 2, rate: 500 });
  const answer = await load.example!(bare);
  assert.equal(answer.length, model.length, answer.toString());
});

for (const [protocol, answer, request] of [
  ['ratecache.v1.json', Buffer.from('{"id":1,"ok":true}'), '{"id":1}'],
  ['ratecache.v1.msgpack', pack({ id: 1, ok: true }), pack({ id: 1 })],
] as const) {
  test(`answers over ${protocol} are those of the model, and are counted`, async () => {
    await bare.imitate!(answer);
    const load = sockets(protocol, request);
    assert.deepEqual(await load.example!(bare), Buffer.from(answer));
    const { perSecond, cpuUs, faults } = await measure(bare, load, SECONDS, 0);
    assert.deepEqual(faults, []);
    assert.ok(perSecond > 100 && cpuUs > 0, `${perSecond} a second, ${cpuUs} us`);
  });
}

test('what the server allocated is told by the request, and by the key where there are several', async () => {
  const answer = '{"id":1,"ok":true}';
  await bare.imitate!(Buffer.from(answer));
  const load = sockets('ratecache.v1.json', '{"id":1}');
  const one = (await allocating(load, 1).run(bare, SECONDS)).allocated!;
  const many = (await allocating(load, 100).run(bare, SECONDS)).allocated!;
  assert.equal(one.perKey, undefined);
  assert.equal(many.perKey, many.perRequest / 100);
  // What uWS makes of a frame, and no more: twice the same.
  for (const { perRequest } of [one, many])
    assert.ok(perRequest > 40 && perRequest < 400, `${perRequest} bytes`);
});

test('reads by the clock come as often as they should, and tell how long they took', async () => {
  const load = paced({ requests: () => ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'], connections: 2, rate: 500 });
  const { requests, faults, latency } = await load.run(bare, SECONDS);
  assert.equal(requests, 500 * SECONDS);
  // Whether the machine has other things to do is not asked here.
  assert.deepEqual(
    faults.filter((fault) => !fault.startsWith('the generator was the limit')),
    [],
  );
  assert.ok(latency!.p50Us > 0 && latency!.p999Us! >= latency!.p50Us);
});
