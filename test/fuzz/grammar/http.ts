import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import type { Source } from '../kind.ts';
import { mutate } from './mutate.ts';
import { jsonOf, msgpackOf, oneIn } from './values.ts';

// Never /v1/flush or a pattern: the keys that the smuggling oracle reads must survive.
const TARGETS = [
  '/v1/cache/borrow_rate:A',
  '/v1/cache/borrow_rate:A?ttl=60',
  '/v1/cache/borrow_rate:B?fallback=min_rate',
  '/v1/cache/%F0%9F%A6%8A%zz',
  '/v1/cache/',
  '/v1/cache/a/b/../c',
  '/v1/mget',
  '/v1/mset',
  '/v1/keys?limit=2',
  '/v1/explain/borrow_rate:A',
  '/v1/explain/%zz',
  '/v1/hot-keys',
  '/v1/events?keys=borrow_rate:A&heartbeat=100',
  '/v1/events?types=%zz&keys',
  '/v1/history?after=1',
  '/v1/replicas',
  '/v1/configuration',
  '/ui',
  '/v1/cleanup',
  '/v1/ws',
  '/livez',
  '/health',
  '/metrics',
  '*',
  'http://a/livez',
  `/${'a'.repeat(5000)}`,
];
const METHODS = [
  'GET',
  'GET',
  'HEAD',
  'PUT',
  'PUT',
  'DELETE',
  'POST',
  'OPTIONS',
  'PATCH',
  'get',
  'CONNECT',
  '',
];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'http/1.1', ''];
const HEADERS = [
  'Accept: application/json',
  'Accept: application/vnd.msgpack, */*;q=0.1',
  'Accept-Encoding: gzip, br',
  'Authorization: Bearer a',
  'Connection: close',
  'Connection: keep-alive, Upgrade',
  'Content-Type: application/json; charset=utf-8',
  'Content-Type: application/vnd.msgpack',
  'Content-Type: __proto__',
  'Cache-Control: no-cache, max-age=0, only-if-cached',
  'Expect: 100-continue',
  'Host: b',
  'Host:',
  'If-Match: "018bcfe5680000005f0c2a17"',
  'If-None-Match: *',
  'If-None-Match: W/"a", "b',
  'Origin: http://evil.example',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Upgrade: websocket',
  'X: a\r\n b',
  'X : a',
  ': a',
  ':',
  'X',
  'X\0: a\0',
  'X: \xff\xfe',
  `X: ${'a'.repeat(3000)}`,
];
const LENGTHS = ['', '0', '1', '-1', '+5', '0x5', '5, 5', '99999999999999999999', '1e1', ' 5 '];
const CODINGS = [
  'chunked',
  'chunked',
  'identity',
  'gzip, chunked',
  'chunked, gzip',
  'xchunked',
  '"chunked"',
  'Chunked ',
];
const SIZES = [
  '',
  'g',
  '-1',
  '+2',
  '0x2',
  ' 2',
  'ffffffffffffffff',
  '2;a=b',
  '2 ;a',
  '00000000000000002',
  '@',
];

const WORDS = [
  ...HEADERS.map((line) => `${line}\r\n`),
  '\r\n\r\n',
  '\n\n',
  '\r\n0\r\n\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
];

/** Some requests of one connection, then damaged. */
export function connectionBytes(source: Source): Buffer {
  return mutate(requests(source, undefined), source.random, WORDS);
}

/** Requests that contain another request where a body, a trailer or a chunk belongs. */
export function smuggling(source: Source, hidden: string): Buffer {
  const bytes = requests(source, hidden);
  return oneIn(3, source.random) ? mutate(bytes, source.random, [...WORDS, hidden]) : bytes;
}

function requests(source: Source, hidden: string | undefined): Buffer {
  const count = 1 + below(3, source.random);
  return Buffer.concat(Array.from({ length: count }, () => request(source, hidden)));
}

function request(source: Source, hidden: string | undefined): Buffer {
  const { random } = source;
  const line = `${pick(METHODS, random)} ${pick(TARGETS, random)} ${pick(VERSIONS, random)}`;
  const lines = [oneIn(20, random) ? line.replace(' ', '  ') : line];
  if (!oneIn(20, random)) lines.push('Host: 127.0.0.1');
  if (oneIn(2, random)) lines.push('Content-Type: application/json');
  for (let left = below(3, random); left > 0; left--) lines.push(pick(HEADERS, random));
  const body = bodyOf(source, hidden);
  const framed = oneIn(4, random) ? undefined : framing(body, random, hidden);
  for (const header of framed?.headers ?? []) lines.splice(1 + below(lines.length, random), 0, header);
  return Buffer.concat([
    Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    framed?.body ?? Buffer.alloc(0),
  ]);
}

function bodyOf({ values, random }: Source, hidden: string | undefined): Buffer {
  if (hidden !== undefined && !oneIn(5, random)) return Buffer.from(hidden);
  const value = values.any(random);
  return oneIn(2, random) ? jsonOf(value, random) : msgpackOf(value);
}

/** The header lines that give a body its length, honest or not, and the bytes that follow them. */
function framing(
  body: Buffer,
  random: Random,
  hidden: string | undefined,
): { headers: string[]; body: Buffer } {
  const length = `Content-Length: ${body.length}`;
  const lie = `Content-Length: ${pick(LENGTHS, random)}`;
  switch (below(6, random)) {
    case 0:
      return { headers: [length, lie], body };
    case 1:
      return { headers: [lie], body };
    case 2:
      return { headers: [length, `Transfer-Encoding: ${pick(CODINGS, random)}`], body };
    case 3:
    case 4:
      return {
        headers: [`Transfer-Encoding: ${pick(CODINGS, random)}`],
        body: chunked(body, random, hidden),
      };
    default:
      return { headers: [length], body };
  }
}

function chunked(body: Buffer, random: Random, hidden: string | undefined): Buffer {
  const parts: (string | Buffer)[] = [];
  for (let at = 0; at < body.length; ) {
    const size = Math.min(1 + below(body.length, random), body.length - at);
    const end = oneIn(30, random) ? 'XX' : '\r\n';
    parts.push(
      `${oneIn(10, random) ? pick(SIZES, random) : size.toString(16)}\r\n`,
      body.subarray(at, at + size),
      end,
    );
    at += size;
  }
  const trailer = pick(
    ['', '', 'X-T: 1\r\n', 'X:', `X: a\r\n${hidden ?? ''}`, hidden ?? 'Host: b\r\n'],
    random,
  );
  parts.push(
    `${oneIn(10, random) ? pick(SIZES, random) : '0'}\r\n`,
    trailer,
    oneIn(20, random) ? 'XX' : '\r\n',
  );
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}
