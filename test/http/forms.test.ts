/** The forms of a value: JSON or msgpack, compressed or not, each with its own ETag. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { unpack } from 'msgpackr';
import { connect } from '../../loadtest/support/raw-http.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { bytesOf, get, JSON_TYPE, MSGPACK_TYPE, pathOf, post, put } from '../support/client.ts';

const LARGE = JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ symbol: `S${i}`, rate: i / 1000 })));
const VARIED = 'Accept, Accept-Encoding';

let service: Service;
before(async () => {
  service = await startService({ standalone: true, env: PATIENT });
});
after(() => service?.stop());

/** Not through fetch, which decompresses. */
async function rawGet(key: string, headers: Record<string, string>, method = 'GET') {
  const connection = await connect(service.port);
  const lines = Object.entries({ Host: 'x', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  await connection.send(`${method} ${pathOf(key)} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const [response] = await connection.readResponses(1, undefined, { head: method === 'HEAD' });
  connection.destroy();
  return response!;
}

const etagOf = async (key: string, headers: Record<string, string>) =>
  (await rawGet(key, headers)).headers.etag!;

test('JSON, msgpack and their compressed forms have different ETags', async () => {
  await put(service, 'forms:TAGS', LARGE);
  const tags = [];
  for (const accept of [JSON_TYPE, MSGPACK_TYPE])
    for (const coding of ['identity', 'gzip'])
      tags.push(await etagOf('forms:TAGS', { Accept: accept, 'Accept-Encoding': coding }));
  const version = tags[0]!.slice(1, -1);
  assert.match(version, /^[0-9a-f]{24}$/);
  assert.deepEqual(tags, [`"${version}"`, `"${version}.g"`, `"${version}.m"`, `"${version}.mg"`]);
});

test('a write returns the ETag of the form that it sent', async () => {
  const written = await put(service, 'forms:PUT', Buffer.from([0xc3]), {
    headers: { 'content-type': MSGPACK_TYPE },
  });
  assert.equal(written.headers.get('etag'), await etagOf('forms:PUT', { Accept: MSGPACK_TYPE }));
});

test('If-Match and If-None-Match of writes accept the ETag of every form', async () => {
  for (const suffix of ['', '.m', '.g', '.mg']) {
    for (const method of ['PUT', 'DELETE']) {
      const version = (await put(service, 'forms:IF', '1')).headers.get('etag')!.slice(1, -1);
      const attempt = (header: string, tag: string) =>
        service.fetch(pathOf('forms:IF'), {
          method,
          headers: { 'content-type': JSON_TYPE, [header]: tag },
          ...(method === 'PUT' && { body: '2' }),
        });
      assert.equal((await attempt('if-none-match', `"${version}${suffix}"`)).status, 412, suffix);
      assert.equal((await attempt('if-match', `"${version}.x"`)).status, 412, 'not a form');
      assert.equal((await attempt('if-match', `"${version}${suffix}"`)).status, 204, suffix);
    }
  }
});

test('a read returns 304 with the ETag of the named form, if the client accepts that form', async () => {
  await put(service, 'forms:304', LARGE);
  const version = (await etagOf('forms:304', {})).slice(1, -1);
  const cases: [accept: string, coding: string, suffixes: string[]][] = [
    ['*/*', 'gzip', ['', '.g', '.m', '.mg']],
    ['*/*', 'identity', ['', '.m']],
    [JSON_TYPE, 'gzip, br', ['', '.g']],
    [MSGPACK_TYPE, 'gzip;q=0', ['.m']],
  ];
  for (const [accept, coding, accepted] of cases) {
    for (const suffix of ['', '.g', '.m', '.mg']) {
      const tag = `"${version}${suffix}"`;
      const headers = { Accept: accept, 'Accept-Encoding': coding, 'If-None-Match': `"x", W/${tag}` };
      const { status, headers: answered } = await rawGet('forms:304', headers);
      assert.equal(status, accepted.includes(suffix) ? 304 : 200, `${accept} ${coding} ${tag}`);
      if (status === 304) assert.equal(answered.etag, tag);
      assert.equal(answered.vary, VARIED);
    }
  }
});

test('a value of 4 KiB or more is sent in gzip to a client that prefers gzip, also again', async () => {
  await put(service, 'forms:GZIP', LARGE);
  for (const [coding, gzipped] of [
    ['gzip', true],
    ['gzip, deflate, br', true],
    ['br;q=1, gzip;q=0.5', true],
    ['*', true],
    ['', false],
    ['identity', false],
    ['br', false],
    ['gzip;q=0', false],
    ['gzip;q=0.2, identity', false],
    ['gzip', true],
  ] as const) {
    const { headers, body } = await rawGet('forms:GZIP', { 'Accept-Encoding': coding });
    assert.equal(headers['content-encoding'], gzipped ? 'gzip' : undefined, coding);
    assert.equal(headers.vary, VARIED);
    assert.equal(headers['content-length'], String(body.length));
    assert.equal((gzipped ? gunzipSync(body) : body).toString(), LARGE);
    if (gzipped) assert.ok(body.length < LARGE.length / 2);
  }
  const packed = await rawGet('forms:GZIP', { Accept: MSGPACK_TYPE, 'Accept-Encoding': 'gzip' });
  assert.deepEqual(unpack(gunzipSync(packed.body)), JSON.parse(LARGE));
});

test('HEAD of a compressed value returns the headers of GET', async () => {
  await put(service, 'forms:HEAD', LARGE);
  for (const coding of ['gzip', 'identity']) {
    const headers = { 'Accept-Encoding': coding };
    const [head, whole] = [await rawGet('forms:HEAD', headers, 'HEAD'), await rawGet('forms:HEAD', headers)];
    for (const name of ['etag', 'content-length', 'content-encoding', 'content-type', 'vary'])
      assert.equal(head.headers[name], whole.headers[name], name);
  }
});

test('small values, values that do not compress, and batches are sent unchanged', async () => {
  const random = JSON.stringify(Array.from({ length: 400 }, () => Math.random().toString(36)).join(''));
  await put(service, 'forms:SMALL', JSON.stringify('x'.repeat(4000)));
  await put(service, 'forms:RANDOM', Buffer.from(random));
  await put(service, 'forms:BATCH', LARGE);
  const small = await rawGet('forms:SMALL', { 'Accept-Encoding': 'gzip' });
  assert.deepEqual([small.headers['content-encoding'], small.headers.vary], [undefined, 'Accept']);
  assert.equal(small.headers['content-length'], '4002');
  const batch = await post(service, '/v1/mget', { keys: ['forms:BATCH'] }, { 'accept-encoding': 'gzip' });
  assert.equal(batch.headers.get('content-encoding'), null);
  const unchanged = await get(service, 'forms:RANDOM', { 'accept-encoding': 'gzip' });
  assert.equal((await bytesOf(unchanged)).toString(), random);
});
