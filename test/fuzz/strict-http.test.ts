import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strictRequests } from './strict-http.ts';

const HIDDEN = 'DELETE /v1/cache/a HTTP/1.1\r\nHost: a\r\n\r\n';

/** The methods of the requests that the parser sees in a PUT with these header lines and what follows them. */
function methodsOf(headers: string[], rest: string): string[] {
  const head = ['PUT /v1/cache/b HTTP/1.1', 'Host: a', ...headers].join('\r\n');
  return strictRequests(Buffer.from(`${head}\r\n\r\n${rest}`, 'latin1')).map(({ method }) => method);
}

test('a strict parser sees requests that follow each other, with bodies of either framing', () => {
  assert.deepEqual(methodsOf([], HIDDEN), ['PUT', 'DELETE']);
  assert.deepEqual(methodsOf(['Content-Length: 2'], `ab${HIDDEN}`), ['PUT', 'DELETE']);
  assert.deepEqual(methodsOf(['content-length:2 '], `ab\r\n${HIDDEN}`), ['PUT', 'DELETE']);
  const chunks = '2;a=b\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n';
  assert.deepEqual(methodsOf(['Transfer-Encoding: Chunked'], chunks + HIDDEN), ['PUT', 'DELETE']);
});

test('a strict parser sees no request inside a body, a chunk or a trailer', () => {
  assert.deepEqual(methodsOf([`Content-Length: ${HIDDEN.length}`], HIDDEN), ['PUT']);
  const size = HIDDEN.length.toString(16);
  assert.deepEqual(methodsOf(['Transfer-Encoding: chunked'], `${size}\r\n${HIDDEN}\r\n0\r\n\r\n`), ['PUT']);
  assert.deepEqual(methodsOf(['Transfer-Encoding: chunked'], `0\r\nX:\r\n${HIDDEN}`), ['PUT']);
});

test('a strict parser sees nothing after a length that is invalid or ambiguous', () => {
  const length = `Content-Length: ${HIDDEN.length}`;
  for (const headers of [
    ['Content-Length:'],
    ['Content-Length: 0', length],
    ['Content-Length: +0'],
    ['Content-Length: 0, 0'],
    ['Transfer-Encoding: chunked', 'Content-Length: 0'],
    ['Transfer-Encoding: identity'],
    ['Transfer-Encoding: gzip, chunked'],
    ['Connection: close'],
  ])
    assert.deepEqual(methodsOf(headers, HIDDEN), ['PUT'], headers.join());
  for (const size of ['', 'g', '+0', '0x0', ' 0', '-0'])
    assert.deepEqual(methodsOf(['Transfer-Encoding: chunked'], `${size}\r\n\r\n${HIDDEN}`), ['PUT'], size);
  assert.deepEqual(methodsOf(['Transfer-Encoding: chunked'], `1\r\nabc\r\n0\r\n\r\n${HIDDEN}`), ['PUT']);
});

test('a strict parser sees a request after an ignored upgrade, and none after an upgrade to WebSocket', () => {
  assert.deepEqual(methodsOf(['Content-Length: 0', 'Upgrade: h2c'], HIDDEN), ['PUT', 'DELETE']);
  const upgrade = 'GET /v1/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n';
  assert.equal(strictRequests(Buffer.from(upgrade + HIDDEN)).length, 1);
});

test('a strict parser does not see a request with an invalid head', () => {
  for (const header of [': x', ':', 'X : a', 'X: a\r\n b', 'X: a\0', 'X: a\rb', 'X', 'Host: b'])
    assert.deepEqual(methodsOf([header], HIDDEN), [], JSON.stringify(header));
  for (const line of ['GET /a HTTP/1.0', 'GET  /a HTTP/1.1', 'GET /a', 'G\x80T /a HTTP/1.1'])
    assert.deepEqual(strictRequests(Buffer.from(`${line}\r\nHost: a\r\n\r\n`, 'latin1')), []);
  assert.deepEqual(strictRequests(Buffer.from('GET /a HTTP/1.1\r\n\r\n')), []);
  assert.deepEqual(strictRequests(Buffer.from('GET /a HTTP/1.1\nHost: a\n\n')), []);
});
