/** Requests whose bytes arrive in several TCP segments. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, type RawResponse } from '../../loadtest/support/raw-http.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { put } from '../support/client.ts';
import { byNewerAddon } from '../support/newer-addon.ts';

const PATH = '/v1/cache/segments:A';
const HEAD = 'Host: x\r\nContent-Type: application/json\r\n';
// A miss, because the remaining time to live of a hit changes.
const MGET = '{"keys":["segments:MISS"]}';
const GET = `GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`;

const REQUESTS: readonly (readonly [name: string, request: string])[] = [
  ['GET of a hit', GET],
  ['GET of a miss', GET.replace('segments:A', 'segments:MISS')],
  ['conditional GET', GET.replace('\r\n\r\n', '\r\nIf-None-Match: *\r\n\r\n')],
  ['PUT', `PUT ${PATH} HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\n[1]`],
  [
    'chunked PUT',
    `PUT ${PATH} HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n`,
  ],
  ['POST', `POST /v1/mget HTTP/1.1\r\n${HEAD}Content-Length: ${MGET.length}\r\n\r\n${MGET}`],
  ['DELETE', `DELETE ${PATH}-no HTTP/1.1\r\nHost: x\r\n\r\n`],
];

let service: Service;
before(async () => {
  service = await startService({ standalone: true, env: PATIENT });
  assert.equal((await put(service, 'segments:A', '[1]')).status, 201);
});
after(() => service?.stop());

for (const [name, request] of REQUESTS) {
  const lineEnd = request.indexOf('\r\n') + 2;
  test(`a ${name} that TCP splits at any byte after its request line is answered as a whole one`, () =>
    splitFrom(lineEnd, request.length, request));

  byNewerAddon(`a ${name} that TCP splits at any byte of its request line is answered as a whole one`, () =>
    splitFrom(1, lineEnd, request),
  );
}

byNewerAddon('400 pipelined GETs in segments of 1,448 bytes get 400 answers in order', async (t) => {
  const requests = Array.from({ length: 400 }, (_, i) => GET.replace('segments:A', `segments:${i}`));
  for (let i = 0; i < 400; i++) await put(service, `segments:${i}`, String(i));
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  const all = Buffer.from(requests.join(''));
  const answers = connection.readResponses(400);
  for (let at = 0; at < all.length; at += 1448) {
    await connection.send(all.subarray(at, at + 1448));
    // Only makes it likely that the service reads each segment separately.
    await new Promise((resume) => setTimeout(resume, 1));
  }
  assert.deepEqual(
    (await answers).map(({ status, body }) => [status, body.toString()]),
    requests.map((_, i) => [200, String(i)]),
  );
});

/** Cuts the request at each byte in the range. A hit before it proves that the service has read the first part. */
async function splitFrom(start: number, end: number, request: string): Promise<void> {
  const whole = outcome((await answersTo(GET, request))[1]!);
  for (let at = start; at < end; at++) {
    const [, split] = await answersTo(GET + request.slice(0, at), request.slice(at));
    assert.deepEqual(outcome(split!), whole, `split after ${at} bytes`);
  }
}

async function answersTo(first: string, second: string): Promise<RawResponse[]> {
  const connection = await connect(service.port);
  try {
    await connection.send(first);
    const answers = await connection.readResponses(1);
    await connection.send(second);
    return [...answers, ...(await connection.readResponses(1))];
  } finally {
    connection.destroy();
  }
}

function outcome({ status, body }: RawResponse): unknown {
  return [status, body.toString()];
}
