/** What the HTTP parser of the newer addon answers. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { put } from '../support/client.ts';
import { byNewerAddon } from '../support/newer-addon.ts';

const GET = 'GET /v1/cache/addon:A HTTP/1.1\r\nHost: x\r\n\r\n';
const SEGMENT_BYTES = 1448;

let service: Service;
before(async () => {
  service = await startService({ standalone: true, env: PATIENT });
  assert.equal((await put(service, 'addon:A', '{"rate":0.05}')).status, 201);
});
after(() => service?.stop());

byNewerAddon('a request that TCP splits at any byte is answered as a whole one', async () => {
  for (let at = 1; at < GET.length; at++) {
    const connection = await connect(service.port);
    // The answer to the first request proves that the service has read the first part of the second one.
    await connection.send(GET + GET.slice(0, at));
    const [whole] = await connection.readResponses(1);
    await connection.send(GET.slice(at));
    const [split] = await connection.readResponses(1);
    assert.equal(split!.status, 200, `split after ${at} bytes`);
    assert.deepEqual(split!.body, whole!.body);
    connection.destroy();
  }
});

byNewerAddon('400 pipelined requests in TCP segments of 1,448 bytes get 400 answers', async (t) => {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  const all = Buffer.from(GET.repeat(400));
  let answered = 0;
  for (let sent = 0; sent < all.length; ) {
    await connection.send(all.subarray(sent, sent + SEGMENT_BYTES));
    sent = Math.min(sent + SEGMENT_BYTES, all.length);
    const complete = Math.floor(sent / GET.length);
    // The next segment is sent after the answers, so that the service reads this one separately.
    for (const { status } of await connection.readResponses(complete - answered)) assert.equal(status, 200);
    answered = complete;
  }
  assert.equal(answered, 400);
});

for (const [name, head] of [
  ['no header line', ''],
  ['no Host', 'X: y\r\n'],
  ['two Host lines', 'Host: a\r\nHost: b\r\n'],
  ['a space before the colon of a header', 'Host: x\r\nX : y\r\n'],
  ['a folded header line', 'Host: x\r\nX: y\r\n z\r\n'],
  ['NUL in a header', 'Host: x\r\nX: y\0z\r\n'],
] as const)
  byNewerAddon(`a request with ${name} gets 400, and its connection is closed`, async () => {
    const connection = await connect(service.port);
    await connection.send(`GET /v1/cache/addon:A HTTP/1.1\r\n${head}\r\n`);
    const [answer] = await connection.readResponses(1);
    assert.equal(answer!.status, 400);
    await connection.closed;
  });
