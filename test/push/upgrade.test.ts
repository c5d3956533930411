/** Upgrades to WebSocket that lack what RFC 6455 requires. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, put } from '../support/client.ts';
import { assertRawProblem } from '../support/problem.ts';

const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const VERSION = 'Sec-WebSocket-Version: 13';
const UPGRADE = 'Upgrade: websocket';
const CONNECTION = 'Connection: Upgrade';
const COMPLETE = [UPGRADE, CONNECTION, VERSION, KEY];

let service: Service;
before(async () => {
  service = await startService({ standalone: true, env: { ...PATIENT, ALLOWED_HOSTS: 'a' } });
  assert.equal((await put(service, 'upgrade:A', '1')).status, 201);
});
after(() => service?.stop());

for (const [name, lines] of [
  ['without Upgrade', [CONNECTION, VERSION, KEY]],
  ['without Connection', [UPGRADE, VERSION, KEY]],
  ['without a version', [UPGRADE, CONNECTION, KEY]],
  ['with version 8', [UPGRADE, CONNECTION, 'Sec-WebSocket-Version: 8', KEY]],
  ['without a key', [UPGRADE, CONNECTION, VERSION]],
  ['with a short key', [UPGRADE, CONNECTION, VERSION, 'Sec-WebSocket-Key: YQ==']],
  [
    'with a key that is not base64',
    [UPGRADE, CONNECTION, VERSION, 'Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=='],
  ],
] as const)
  test(`an upgrade ${name} gets 426 with the version that the service supports`, async (t) => {
    const connection = await connect(service.port);
    t.after(() => connection.destroy());
    await connection.send(request(lines));
    const [answer] = await connection.readResponses(1);
    assertRawProblem(answer!, 'upgrade_required');
    assert.equal(answer!.headers['sec-websocket-version'], '13');
    assert.equal(answer!.headers['x-content-type-options'], 'nosniff');
  });

test('a refused upgrade closes its connection, and a request after it is not executed', async (t) => {
  const flush = 'POST /v1/flush HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';
  const refused = request([UPGRADE, VERSION, KEY, `Content-Length: 0`, `Content-Length: ${flush.length}`]);
  for (const parts of [[refused + flush], [refused, flush]]) {
    const connection = await connect(service.port);
    t.after(() => connection.destroy());
    for (const part of parts) {
      await connection.send(part).catch(() => undefined);
      if (parts.length === 2 && part === refused) await connection.readResponses(1);
    }
    await connection.closed;
    assert.equal((await get(service, 'upgrade:A')).status, 200);
  }
});

test('an upgrade whose Connection has two lines is accepted', async (t) => {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  await connection.send(request(['Connection: keep-alive', ...COMPLETE]));
  assert.equal((await connection.readResponses(1))[0]!.status, 101);
});

test('with either addon, frames without a mask are misread, and the socket closes after some of them', async (t) => {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  await connection.send(request(COMPLETE));
  assert.equal((await connection.readResponses(1))[0]!.status, 101);
  const frame = Buffer.concat([Buffer.from([0x81, 14]), Buffer.from('{"op":"flush"}')]);
  await connection.send(Buffer.concat(Array.from({ length: 32 }, () => frame)));
  await connection.closed;
  assert.equal((await get(service, 'upgrade:A')).status, 200);
});

function request(lines: readonly string[]): string {
  return `GET /v1/ws HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}\r\n\r\n`;
}
